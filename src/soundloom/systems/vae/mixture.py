"""A mixture of Gaussians fitted to the codes of the training set, and steered by conditions.

A VAE with a sharp likelihood never fills its standard-normal prior; drawing from the codes that training sounds
really have (the aggregate posterior) is the largest single gain in its samples (Tomczak & Welling 2018,
https://arxiv.org/abs/1705.07120).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor, nn

from soundloom.conditions import Schema

CLIPS_PER_COMPONENT = 24  # fewer clips than this for each component give fewer components
RIDGE = 1.0  # in clips: shrinks the regression of rare conditions towards the common mean


class Place(NamedTuple):
    """Where a clip's code is drawn: code = centre + factor @ noise; (code,) and (code, code)."""

    centre: Tensor
    factor: Tensor


class ConditionalMixture(nn.Module):
    """p(code | conditions): a linear prediction from the conditions plus a mixture whose shares they set."""

    shares: Tensor  # (component,), 0 where unused
    means: Tensor  # (component, code)
    factors: Tensor  # (component, code, code), lower Cholesky factors
    typical: Tensor  # (component, schema.width): the mean condition row of each component
    slope: Tensor  # (code, schema.width)
    spread: Tensor  # (code,): standard deviation of the codes of the training set

    def __init__(self, latent: int, components: int, schema: Schema) -> None:
        super().__init__()
        self.schema = schema
        self.register_buffer("shares", torch.eye(1, components)[0])
        self.register_buffer("means", torch.zeros(components, latent))
        self.register_buffer("factors", torch.eye(latent).repeat(components, 1, 1))
        self.register_buffer("typical", torch.zeros(components, schema.width))
        self.register_buffer("slope", torch.zeros(latent, schema.width))
        self.register_buffer("spread", torch.ones(latent))

    @torch.no_grad()
    def fit(self, codes: Tensor, conditions: Tensor) -> None:
        """Fit to draws of the training set's codes, (clip, code), and their condition rows, (clip, width)."""
        from sklearn.mixture import GaussianMixture

        z, rows = codes.double().numpy(), conditions.double().numpy()
        if len(z) == 1:  # scikit-learn wants two
            z, rows = z.repeat(2, axis=0), rows.repeat(2, axis=0)
        slope = np.linalg.solve(rows.T @ rows + RIDGE * np.eye(rows.shape[1]), rows.T @ z) if rows.shape[1] else None
        rest = z - rows @ slope if slope is not None else z
        used = int(np.clip(len(z) // CLIPS_PER_COMPONENT, 1, len(self.shares)))
        scale = rest.std(axis=0).mean() + 1e-6
        mixture = GaussianMixture(
            used, reg_covar=0.02 * scale**2, init_params="k-means++", max_iter=60, tol=1e-2, random_state=0
        )
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # not converged after 60 rounds is near enough to draw from
            mixture.fit(rest)
        responsibilities = mixture.predict_proba(rest)
        self.shares.zero_()
        self.shares[:used] = torch.from_numpy(mixture.weights_).float()
        self.means[:used] = torch.from_numpy(mixture.means_).float()
        self.factors[:used] = torch.from_numpy(np.linalg.cholesky(mixture.covariances_)).float()
        if slope is not None:
            typical = responsibilities.T @ rows / (responsibilities.sum(axis=0)[:, None] + 1e-9)
            self.typical[:used] = torch.from_numpy(typical).float()
            self.slope.copy_(torch.from_numpy(slope.T).float())
        self.spread.copy_(codes.std(dim=0) if len(codes) > 1 else torch.ones_like(self.spread))

    def place(self, conditions: Tensor, rng: Generator, temperature: float = 1.0) -> Place:
        """Draw the component for one clip's condition row, (width,); at temperature 0 it is the heaviest."""
        weights = self.shares * self._agreement(conditions)
        weights = (weights / weights.max()) ** (1 / max(temperature, 1e-3))
        component = int(torch.multinomial(weights / weights.sum(), 1, generator=rng))
        return Place(self.means[component] + self.slope @ conditions, self.factors[component])

    def _agreement(self, conditions: Tensor) -> Tensor:
        """How well each component knows the conditions, (component,): the product over those that are known."""
        agreement, start = torch.ones_like(self.shares), 0
        for condition in self.schema.conditions:
            known = conditions[start + condition.width]
            code = conditions[start : start + condition.width]
            if known > 0:
                agreement = agreement * (self.typical[:, start : start + condition.width] @ code + 1e-6)
            start += condition.width + 1
        return agreement
