import numpy as np
import pytest

from soundloom.generation.reconstruct import named, reconstruct
from soundloom.representations import build, describe

RATE = 8000


def hit(samples: int = 4000, channels: int = 2) -> np.ndarray:
    t = np.arange(samples) / RATE
    return np.stack([np.cos(2 * np.pi * (200 + 100 * c) * t) * np.exp(-8 * t) for c in range(channels)]).astype(
        np.float32
    )


@pytest.mark.parametrize(
    "name", ["pcm", "mulaw", "magnitude", "log", "log-frequency", "mel", "mel-htk", "complex", "if"]
)
@pytest.mark.parametrize("samples", [1, 4000])
def test_a_sound_comes_back_as_long_as_it_was_with_its_figures(name, samples):
    result = reconstruct(hit(samples), RATE, named(name, RATE))
    assert result.samples.shape == (2, samples)
    assert np.isfinite(result.samples).all()
    assert result.spectral_convergence_db < (-8 if samples > 1 else 1)
    assert result.log_spectral_distance_db >= 0


def test_what_keeps_more_comes_back_nearer():
    coarse, fine = (reconstruct(hit(), RATE, named(name, RATE)).spectral_convergence_db for name in ("mel-htk", "log"))
    assert fine < coarse - 5
    whole = reconstruct(hit(), RATE, build({**describe(named("complex", RATE)), "dropped": "nothing"}))
    assert whole.spectral_convergence_db < -100


def test_the_seed_decides_the_phase_and_a_method_can_be_chosen():
    mel = named("mel", RATE)
    first, again, other = (reconstruct(hit(), RATE, mel, "random", seed).samples for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    better = reconstruct(hit(), RATE, mel, "pghi+fast-griffin-lim:4").spectral_convergence_db
    assert better < reconstruct(hit(), RATE, mel, "zero").spectral_convergence_db


def test_silence_comes_back_silent():
    result = reconstruct(np.zeros((1, 500)), RATE, named("log", RATE))
    assert not result.samples.any()
    assert result.spectral_convergence_db == -300
    assert result.log_spectral_distance_db == 0


@pytest.mark.parametrize(
    ("audio", "rate", "method", "message"),
    [
        (hit(), 44100, None, "44100 Hz but the representation expects 8000 Hz; resample"),
        (hit()[0], RATE, None, r"must be \(channel, time\)"),
        (hit(0), RATE, None, "at least one sample"),
        (np.full((1, 9), np.nan), RATE, None, "NaN or infinite"),
        (hit(), RATE, "pghy", "did you mean 'pghi'"),
    ],
)
def test_a_sound_that_cannot_be_reconstructed_is_refused(audio, rate, method, message):
    with pytest.raises(ValueError, match=message):
        reconstruct(audio, rate, named("mel", RATE), method)


def test_a_phase_method_for_what_keeps_the_phase_is_refused():
    with pytest.raises(ValueError, match=r"'complex' keeps the phase.*leave --phase out"):
        reconstruct(hit(), RATE, named("complex", RATE), "pghi")
