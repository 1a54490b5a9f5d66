"""Reconstruction of clips that training never saw: the VAE beside PCA with as many dimensions.

    python benchmarks/reconstruction.py MODEL FOLDER [--where LABEL=VALUE ...]

Prints root-mean-square errors in dB of the model's own log spectrogram. PCA is fitted to the same training clips.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.decomposition import PCA

from soundloom.data.clips import ClipSettings, open_clips
from soundloom.generate import load
from soundloom.train.feed import Feed


@torch.no_grad()
def spectra(system: object, feed: Feed) -> tuple[np.ndarray, np.ndarray]:
    """Spectrograms (clip, frequency, frame) as they are, and as the model's mean code gives them back."""
    real, back = [], []
    for audio, conditions in feed.batches(64):
        x = system.representation.encode(audio)[:, 0]
        code = system.network.encode(x, conditions).mean
        real.append(x.numpy())
        back.append(system.network.decode(code, conditions).mean.numpy())
    return np.concatenate(real), np.concatenate(back)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("folder")
    parser.add_argument("--where", action="append", default=[])
    asked = parser.parse_args()
    system = load(asked.model).system
    rate, config = system.representation.sample_rate, system.config
    where = dict(pair.split("=", 1) for pair in asked.where)
    store = open_clips(asked.folder, ClipSettings(rate, config.seconds, cut=config.cut), where=where)
    ours, held_out = (Feed(part, system.schema) for part in store.split(0.1, seed=0))
    decibels = system.representation.peak_db - system.representation.floor_db
    table = Table("clips", "model (dB)", f"PCA, {config.latent} dimensions (dB)")
    (train, train_back), (test, test_back) = spectra(system, ours), spectra(system, held_out)
    pca = PCA(config.latent, svd_solver="randomized", random_state=0).fit(train.reshape(len(train), -1))
    for name, real, back in (("training", train, train_back), ("held-out groups", test, test_back)):
        flat = real.reshape(len(real), -1)
        linear = pca.inverse_transform(pca.transform(flat)).reshape(real.shape)
        errors = [decibels * float(np.sqrt(np.mean((real - found) ** 2))) for found in (back, linear)]
        table.add_row(f"{name} ({len(real)})", *(f"{error:.2f}" for error in errors))
    Console().print(table)


if __name__ == "__main__":
    main()
