"""A sound as HTML, for notebooks: a player with embedded WAV data, above its spectrogram as an embedded PNG."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

from soundloom.audio.resampling import resample

if TYPE_CHECKING:
    from soundloom.audio.value import Audio

LONGEST_SECONDS = 60.0  # embedded; a minute at 48 kHz in 16 bits takes 8 MB of a notebook
LOWEST_RATE, HIGHEST_RATE = 8000, 48_000  # Hz; every browser plays what lies between
WINDOW_SECONDS = 0.046
BANDS, COLUMNS = 160, 640  # of the picture
LOWEST_HZ = 40.0
RANGE_DB = 80.0


def html(audio: Audio) -> str:
    """A sound as a piece of HTML that holds all its data.

    Of a long sound the first minute is there, and a note says so. Sounds with more than two channels are mixed down,
    rates that some browser refuses are resampled, and sounds beyond full scale are scaled down.
    """
    description = f"{audio.seconds:.2f} s, {audio.sample_rate} Hz, {_counted(audio.channels, 'channel')}"
    if not audio.samples.size:
        return f"<div>{description}: no samples to play</div>"
    if not np.isfinite(audio.samples).all():
        return f"<div>{description}: some samples are NaN or infinite, so it cannot be played</div>"
    samples = audio.samples[:, : round(LONGEST_SECONDS * audio.sample_rate)]
    if samples.shape[1] < audio.samples.shape[1]:
        description += f"; the first {LONGEST_SECONDS:g} s are shown"
    picture = base64.b64encode(_picture(samples.mean(axis=0), audio.sample_rate)).decode()
    sound = base64.b64encode(_wav(samples, audio.sample_rate)).decode()
    return (
        f'<div><audio controls src="data:audio/wav;base64,{sound}"></audio><br>'
        f'<img alt="spectrogram" src="data:image/png;base64,{picture}"><br>'
        f"<small>{description}</small></div>"
    )


def _wav(samples: np.ndarray, sample_rate: int) -> bytes:
    """16-bit WAV data of (channel, time), at a rate and a channel count that every browser plays."""
    import soundfile

    from soundloom.audio.value import Audio, mix_down

    audio = Audio(samples, sample_rate)
    audio = audio if audio.channels <= 2 else mix_down(audio)
    rate = min(max(sample_rate, LOWEST_RATE), HIGHEST_RATE)
    audio = audio if rate == sample_rate else resample(audio, rate)
    buffer = io.BytesIO()
    soundfile.write(buffer, (audio.samples / max(1.0, audio.peak)).T, rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def _picture(mono: np.ndarray, sample_rate: int) -> bytes:
    """The spectrogram of (time,) as a PNG: decibels over time and the logarithm of frequency."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    seconds, hz, level = _levels(mono, sample_rate)
    figure = Figure(figsize=(6.4, 2.2), layout="constrained")
    axes = figure.add_subplot()
    peak = float(level.max())
    axes.imshow(
        level, origin="lower", aspect="auto", cmap="magma", vmin=peak - RANGE_DB, vmax=peak, extent=(0, seconds, 0, 1)
    )
    marks = [mark for mark in (100, 300, 1000, 3000, 10_000) if hz[0] < mark < hz[-1]]
    axes.set_yticks(np.log(np.array(marks) / hz[0]) / np.log(hz[-1] / hz[0]), [f"{mark:g}" for mark in marks])
    axes.set_ylabel("Hz", fontsize=8)
    axes.set_xlabel("s", fontsize=8)
    axes.tick_params(labelsize=7)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _levels(mono: np.ndarray, sample_rate: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Seconds, the frequency of each row in Hz, and levels in dB (row, column); each column keeps its loudest frame."""
    from scipy.signal import ShortTimeFFT

    size = max(16, 2 ** round(np.log2(sample_rate * WINDOW_SECONDS)))
    transform = ShortTimeFFT(np.hanning(size), hop=size // 4, fs=sample_rate)
    padded = np.pad(mono, (0, max(0, size - len(mono))))
    power = transform.spectrogram(padded, p0=0, p1=-(-len(padded) // transform.hop))
    hz = np.geomspace(min(LOWEST_HZ, sample_rate / 8), sample_rate / 2, BANDS)
    rows = np.minimum(np.round(hz / transform.delta_f).astype(int), len(power) - 1)
    starts = np.unique(np.linspace(0, power.shape[1], COLUMNS, endpoint=False).astype(int))
    loudest = np.maximum.reduceat(power[rows], starts, axis=1)
    return len(padded) / sample_rate, hz, 10 * np.log10(loudest + 1e-12)


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" + ("" if count == 1 else "s")
