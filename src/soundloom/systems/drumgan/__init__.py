"""DrumGAN: one-shots from a progressive Wasserstein GAN on the complex STFT."""

from soundloom.systems.drumgan.drumgan import DrumGAN

SYSTEM = DrumGAN

__all__ = ["SYSTEM", "DrumGAN"]
