"""The prior of codes: near codes of training sounds that fit the conditions, in a mixture of Gaussians.

A VAE with a sharp likelihood never fills its standard-normal prior; drawing near the codes that training sounds really
have (the aggregate posterior) is the largest single gain in sample quality (Tomczak & Welling 2018,
https://arxiv.org/abs/1705.07120). A mixture of 20 Gaussians is coarse in 64 dimensions: it loses rare sounds and fine
structure. So a draw starts at the code of a training sound, moves towards the mean of its Gaussian and adds noise with
that Gaussian's covariance, in proportions that preserve the variance (the smoothed bootstrap with shrinkage: Silverman
& Young 1987, https://doi.org/10.1093/biomet/74.3.469).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor, nn

from soundloom.conditions.schema import Category, Schema

CLIPS_PER_COMPONENT = 24  # with fewer clips than this for each component, fewer components are used
RIDGE = 1.0  # in clips: shrinks the regression of rare conditions towards the common mean
NEAR_KNOTS = 1.5  # standard deviation of the weight of a Scalar, in knots
OTHER_CATEGORY = -14.0  # log-weight of a sound with another value of a Category
FAR_SCALAR = -8.0  # least log-weight of a sound with another value of a Scalar
UNKNOWN = -1.0  # in `places`: the condition is unknown
UNLABELLED = -2.0  # log-weight of a sound whose condition is unknown


class Place(NamedTuple):
    """The distribution of one clip's code: code = centre + factor @ noise; (code,) and (code, code)."""

    centre: Tensor
    factor: Tensor


class ConditionalMixture(nn.Module):
    """p(code | conditions): a linear prediction from the conditions plus a smoothed bootstrap of the residuals."""

    shares: Tensor  # (component,), weights; 0 for unused components
    means: Tensor  # (component, code)
    factors: Tensor  # (component, code, code), lower Cholesky factors
    slope: Tensor  # (code, schema.width)
    spread: Tensor  # (code,): standard deviation of the codes of the training set
    rest: Tensor  # (clip, code): codes of the training set less the prediction from their conditions
    members: Tensor  # (clip,): the component of each
    places: Tensor  # (clip, condition): index of a Category's value, or position among a Scalar's knots; -1: unknown

    def __init__(self, latent: int, components: int, schema: Schema) -> None:
        super().__init__()
        self.schema = schema
        self.register_buffer("shares", torch.eye(1, components)[0])
        self.register_buffer("means", torch.zeros(components, latent))
        self.register_buffer("factors", torch.eye(latent).repeat(components, 1, 1))
        self.register_buffer("slope", torch.zeros(latent, schema.width))
        self.register_buffer("spread", torch.ones(latent))
        self.register_buffer("rest", torch.zeros(1, latent))
        self.register_buffer("members", torch.zeros(1, dtype=torch.int32))
        self.register_buffer("places", torch.full((1, len(schema.dense)), UNKNOWN))

    @torch.no_grad()
    def fit(self, codes: Tensor, conditions: Tensor) -> None:
        """Fit to codes of the training set, (clip, code), and their condition rows, (clip, width)."""
        from sklearn.mixture import GaussianMixture

        z, rows = codes.double().numpy(), conditions.double().numpy()
        self.places = self._places(conditions)
        if len(z) == 1:  # scikit-learn needs two
            z, rows, self.places = z.repeat(2, axis=0), rows.repeat(2, axis=0), self.places.repeat(2, 1)
        slope = np.linalg.solve(rows.T @ rows + RIDGE * np.eye(rows.shape[1]), rows.T @ z) if rows.shape[1] else None
        rest = z - rows @ slope if slope is not None else z
        used = int(np.clip(len(z) // CLIPS_PER_COMPONENT, 1, len(self.shares)))
        scale = rest.std(axis=0).mean() + 1e-6
        mixture = GaussianMixture(
            used, reg_covar=0.02 * scale**2, init_params="k-means++", max_iter=60, tol=1e-2, random_state=0
        )
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 60 iterations are enough even if they have not converged
            mixture.fit(rest)
        self.shares.zero_()
        self.shares[:used] = torch.from_numpy(mixture.weights_).float()
        self.means[:used] = torch.from_numpy(mixture.means_).float()
        self.factors[:used] = torch.from_numpy(np.linalg.cholesky(mixture.covariances_)).float()
        self.rest = torch.from_numpy(rest).float()
        self.members = torch.from_numpy(mixture.predict(rest)).to(torch.int32)
        if slope is not None:
            self.slope.copy_(torch.from_numpy(slope.T).float())
        self.spread.copy_(codes.std(dim=0) if len(codes) > 1 else torch.ones_like(self.spread))

    def place(self, conditions: Tensor, rng: Generator, temperature: float = 1.0, smoothing: float = 1.0) -> Place:
        """Draw the distribution of one clip's code, given its condition row, (width,).

        Args:
            smoothing: 0 stays at the codes of training sounds; 1 ignores them and keeps their Gaussian.
            temperature: below 1 stays nearer to the mean of the Gaussian; 0 takes the mean of the heaviest one.
        """
        fit = self._fit(conditions)
        weights = torch.zeros_like(self.shares).index_add_(0, self.members.long(), fit)
        weights = (weights / weights.max()) ** (1 / max(temperature, 1e-3))
        component = int(torch.multinomial(weights / weights.sum(), 1, generator=rng))
        inside = fit * (self.members == component)
        clip = int(torch.multinomial(inside / inside.sum(), 1, generator=rng))
        kept = temperature * (1 - smoothing**2) ** 0.5
        middle = self.means[component]
        return Place(
            middle + kept * (self.rest[clip] - middle) + self.slope @ conditions, smoothing * self.factors[component]
        )

    def _fit(self, conditions: Tensor) -> Tensor:
        """How well each training sound fits the known conditions, (clip,); 1 is the best fit."""
        logarithm = torch.zeros(len(self.places))
        for column, wanted in enumerate(self._places(conditions[None])[0]):
            if wanted == UNKNOWN:
                continue
            apart = (self.places[:, column] - wanted).abs()
            if isinstance(self.schema.dense[column], Category):
                cost = torch.where(apart < 0.5, 0.0, OTHER_CATEGORY)
            else:
                cost = torch.maximum(-0.5 * (apart / NEAR_KNOTS).square(), FAR_SCALAR - 0.01 * apart)
            logarithm += torch.where(self.places[:, column] == UNKNOWN, UNLABELLED, cost)
        return torch.exp(logarithm - logarithm.max())

    def _places(self, conditions: Tensor) -> Tensor:
        """The values in condition rows (clip, width), (clip, condition); see `places`."""
        columns, start = [], 0
        for condition in self.schema.dense:
            code = conditions[:, start : start + condition.width]
            known = conditions[:, start + condition.width] > 0
            place = code @ torch.arange(condition.width, dtype=code.dtype)
            columns.append(torch.where(known, place, UNKNOWN))
            start += condition.width + 1
        return torch.stack(columns, dim=1).float() if columns else torch.zeros(len(conditions), 0)

    def _load_from_state_dict(self, state: dict[str, Tensor], prefix: str, *rest: object) -> None:
        for name in ("rest", "members", "places"):  # as many clips as the training set had
            if f"{prefix}{name}" in state:
                setattr(self, name, torch.empty_like(state[f"{prefix}{name}"]))
        super()._load_from_state_dict(state, prefix, *rest)
