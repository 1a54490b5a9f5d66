"""Reconstruction of held-out clips: the VAE compared with PCA of as many dimensions.

    python benchmarks/reconstruction.py [MODEL [FOLDER]] [--where LABEL=VALUE ...]

By default the shipped model `drums` on $SOUNDLOOM_DATA/drums: the rows it was trained on, and their held-out groups.

Prints root-mean-square errors in dB of the model's own log spectrogram. PCA is fitted to the same training clips.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.decomposition import PCA

from soundloom.data.clips import ClipSettings, open_clips
from soundloom.generation import load
from soundloom.training.feed import Feed


@torch.no_grad()
def spectra(system: object, feed: Feed) -> tuple[np.ndarray, np.ndarray]:
    """Spectrograms (clip, frequency, frame), and their reconstructions from the mean codes of the model."""
    real, back = [], []
    for audio, conditions in feed.batches(64):
        x = system.representation.encode(audio)[:, 0]
        code = system.network.encode(x, conditions).mean
        real.append(x.numpy())
        back.append(system.observation.clamped(system.network.decode(code, conditions).mean).numpy())
    return np.concatenate(real), np.concatenate(back)


def compare(model: str, folder: Path | str, where: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Errors of the model and of PCA in dB, on training clips and on held-out groups."""
    system = load(model).system
    rate, config = system.representation.sample_rate, system.config
    store = open_clips(folder, ClipSettings(rate, config.seconds, cut=config.cut), where=where)
    ours, held_out = (Feed(part, system.schema) for part in store.split(0.1, seed=0))
    decibels = system.representation.peak_db - system.representation.floor_db
    (train, train_back), (test, test_back) = spectra(system, ours), spectra(system, held_out)
    pca = PCA(config.latent, svd_solver="randomized", random_state=0).fit(train.reshape(len(train), -1))
    rows = {}
    for name, real, back in (("training", train, train_back), ("held-out groups", test, test_back)):
        linear = pca.inverse_transform(pca.transform(real.reshape(len(real), -1))).reshape(real.shape)
        linear = np.maximum(linear, system.observation.floor)  # PCA may use the floor too
        errors = [decibels * float(np.sqrt(np.mean((real - found) ** 2))) for found in (back, linear)]
        rows[f"{name} ({len(real)})"] = {"model": round(errors[0], 3), "pca": round(errors[1], 3)}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="drums")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--where", action="append", default=[])
    asked = parser.parse_args()
    where = dict(pair.split("=", 1) for pair in asked.where)
    if asked.folder is None:
        if "SOUNDLOOM_DATA" not in os.environ:
            sys.exit("name the folder of sounds, or set SOUNDLOOM_DATA to the folder that holds drums/")
        asked.folder, where = Path(os.environ["SOUNDLOOM_DATA"]) / asked.model, where or {"permissive": "yes"}
    table = Table("clips", "model (dB)", "PCA of as many dimensions (dB)")
    for clips, row in compare(asked.model, asked.folder, where).items():
        table.add_row(clips, f"{row['model']:.2f}", f"{row['pca']:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
