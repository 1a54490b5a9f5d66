"""The lecture's own system: an autoencoder or VAE on spectrograms."""

from soundloom.systems.vae.vae import SpectrogramVAE

SYSTEM = SpectrogramVAE

__all__ = ["SYSTEM", "SpectrogramVAE"]
