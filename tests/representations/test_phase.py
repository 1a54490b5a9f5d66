import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from synthetic_sounds import RATE, chirp, one_shot, tone

from soundloom.representations import STFT
from soundloom.representations.fidelity import spectral_convergence
from soundloom.representations.phase import BEST, STARTS, Method, griffin_lim, reconstruct_phase

DIGITS = STFT(RATE, 512, 128)
METHODS = ("zero", "random", "griffin-lim:3", "fast-griffin-lim:3", "accelerated-griffin-lim:3", "pghi", BEST)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def convergence(audio: torch.Tensor, method: str, stft: STFT = DIGITS) -> float:
    """dB between the magnitudes of `audio` and those of what `method` made of them."""
    magnitude = stft.encode(audio.float()).abs()
    found = reconstruct_phase(magnitude, stft, method, rng(), audio.shape[-1])
    return float(spectral_convergence(magnitude, stft.encode(found).abs()))


@pytest.mark.parametrize("method", METHODS)
def test_a_sound_is_as_loud_as_asked_for_whatever_the_unit(method):
    magnitude = DIGITS.encode(one_shot()).abs()
    quiet, loud = (reconstruct_phase(magnitude * scale, DIGITS, method, rng()) for scale in (1e-12, 1e12))
    torch.testing.assert_close(quiet * 1e24, loud, rtol=1e-3, atol=1e-3 * float(loud.abs().max()))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("frames", [1, 2, 30])
def test_silence_stays_silent_and_equal_magnitudes_work(method, frames):
    shape = (1, 2, DIGITS.bins, frames)
    assert not reconstruct_phase(torch.zeros(shape), DIGITS, method, rng()).any()
    assert reconstruct_phase(torch.ones(shape), DIGITS, method, rng()).isfinite().all()


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_bytes_in_any_batch(method):
    magnitude = DIGITS.encode(one_shot(batch=3, channels=2)).abs()
    together = reconstruct_phase(magnitude, DIGITS, method, rng(5))
    generator = rng(5)
    assert torch.equal(
        together, torch.cat([reconstruct_phase(clip[None], DIGITS, method, generator) for clip in magnitude])
    )


def test_griffin_lim_never_gets_worse():
    audio = one_shot()
    path = [convergence(audio, f"random+griffin-lim:{n}") for n in (1, 2, 3, 4, 6, 8, 12, 16)]
    assert all(later <= earlier + 1e-4 for earlier, later in itertools.pairwise(path))


def test_fast_griffin_lim_without_momentum_is_griffin_lim():
    magnitude = DIGITS.encode(one_shot()).abs()[0, 0].T.contiguous().numpy()
    magnitude /= magnitude.max()
    start = STARTS["random"](magnitude, DIGITS, rng())
    still = griffin_lim.FAST._replace(alpha=0.0)
    classic, fast = (
        griffin_lim.griffin_lim(start, magnitude, DIGITS, 4000, 8, acceleration)
        for acceleration in (griffin_lim.CLASSIC, still)
    )
    assert np.array_equal(classic, fast)


def test_an_iteration_is_the_one_of_the_textbook():
    audio = one_shot()
    magnitude = DIGITS.encode(audio).abs()
    start = reconstruct_phase(magnitude, DIGITS, "random", rng(), audio.shape[-1])
    spectrum = DIGITS.encode(start)
    expected = DIGITS.decode(magnitude * spectrum / spectrum.abs(), audio.shape[-1])
    found = reconstruct_phase(magnitude, DIGITS, "griffin-lim:1", rng(), audio.shape[-1])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-3)


def test_each_method_is_better_than_the_one_before():
    audio = one_shot(seconds=0.8)
    reached = [
        convergence(audio, method)
        for method in ("zero", "random", "griffin-lim:60", "fast-griffin-lim:60", "pghi+fast-griffin-lim:60")
    ]
    assert all(later < earlier - 1 for earlier, later in itertools.pairwise(reached)), reached
    assert convergence(audio, "accelerated-griffin-lim:60") < reached[3] - 0.5


def test_griffin_lim_beats_zero_phase_by_ten_decibels_on_a_sine_and_a_click():
    audio = tone(440)
    audio[..., 2000] += 0.5
    assert convergence(audio, "griffin-lim:32") < convergence(audio, "zero") - 10


def test_fast_griffin_lim_reaches_what_librosa_reaches():
    audio, stft = one_shot(rate=22050, seconds=0.6), STFT(22050)
    magnitude = stft.encode(audio).abs()
    theirs = librosa.griffinlim(
        magnitude[0, 0].numpy(), n_iter=64, hop_length=256, momentum=0.99, length=audio.shape[-1], random_state=0
    )
    reached = float(
        spectral_convergence(magnitude[0, 0], stft.encode(torch.from_numpy(theirs)[None, None]).abs()[0, 0])
    )
    assert convergence(audio, "fast-griffin-lim:64", stft) < reached + 2
    assert convergence(audio, BEST, stft) < reached + 1


@pytest.mark.parametrize(("overlap", "bound"), [(8, -35), (4, -30)])
def test_pghi_alone_rebuilds_a_chirp(overlap, bound):
    assert convergence(chirp(8000), "pghi", STFT(RATE, 512, 512 // overlap)) < bound


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("zero", Method("zero")),
        ("pghi", Method("pghi")),
        ("griffin-lim:60", Method("random", "griffin-lim", 60)),
        ("pghi+fast-griffin-lim:8", Method("pghi", "fast-griffin-lim", 8)),
        ("zero+griffin-lim:1", Method("zero", "griffin-lim", 1)),
    ],
)
def test_a_method_is_read_from_its_name(name, method):
    assert Method.parse(name) == method


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("grifin-lim:60", "did you mean 'griffin-lim'"),
        ("pgi+griffin-lim:60", "did you mean 'pghi'"),
        ("pghi+zero", "known: .*griffin-lim"),
        ("griffin-lim", "how many iterations.*griffin-lim:32"),
        ("pghi+griffin-lim:0", r"how many iterations.*pghi\+griffin-lim:32"),
        ("griffin-lim:many", "how many iterations"),
        ("", "known"),
    ],
)
def test_an_unknown_method_names_the_nearest(name, message):
    with pytest.raises(ValueError, match=message):
        Method.parse(name)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_magnitudes_that_are_none_are_refused(value):
    magnitude = torch.ones(1, 1, DIGITS.bins, 3)
    magnitude[..., 7, 1] = value
    with pytest.raises(ValueError, match="finite and at least 0"):
        reconstruct_phase(magnitude, DIGITS, "pghi")


def test_magnitudes_of_another_transform_are_refused():
    with pytest.raises(ValueError, match="use the STFT that made them"):
        reconstruct_phase(torch.ones(1, 1, 129, 3), DIGITS, "pghi")


def test_loops_compile_where_nothing_can_be_written(tmp_path):
    code = (
        "import numba, numba.core.caching as caching\n"
        "def refuse(*a, **k): raise RuntimeError('no locator available')\n"
        "caching.FunctionCache.__init__ = refuse\n"
        "from soundloom.representations.phase.loops import overlap_add\n"
        "import numpy as np\n"
        "wave = np.zeros(4, np.float32)\n"
        "overlap_add(np.ones((1, 4), np.float32), np.ones(4, np.float32), 2, wave)\n"
        "print(wave.sum())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "4.0"


def test_importing_representations_loads_no_compiler_and_no_plots():
    heavy = ("numba", "scipy.signal", "matplotlib")
    code = f"import sys, soundloom.representations; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(
    "SOUNDLOOM_DATA" not in os.environ, reason="SOUNDLOOM_DATA does not name a folder of recorded digits"
)
@pytest.mark.parametrize(
    ("method", "bound"),
    [("fast-griffin-lim:60", -28), ("pghi", -20), ("pghi+fast-griffin-lim:60", -35)],
)
def test_thirty_recorded_digits_come_back_as_near_as_published(method, bound):
    import soundfile

    files = sorted((Path(os.environ["SOUNDLOOM_DATA"]) / "fsdd" / "data").rglob("*.flac"))
    digits = [soundfile.read(path, dtype="float32")[0] for path in files[:: len(files) // 30][:30]]
    assert len(digits) == 30
    assert np.mean([convergence(torch.from_numpy(digit)[None, None], method) for digit in digits]) <= bound
