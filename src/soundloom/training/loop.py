"""The training loop: it fits on a screen and knows no system by name."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from soundloom.checkpoints import checkpoint
from soundloom.contract.system import Batch, Clips, System
from soundloom.runtime.signals import stop_signals
from soundloom.training import precision, state
from soundloom.training.budget import Budget, learning_rate_factor
from soundloom.training.distributed import Team, device_for
from soundloom.training.feed import Feed
from soundloom.training.log import Journal
from soundloom.training.preview import held_out_loss, preview
from soundloom.training.settings import TrainSettings
from soundloom.training.validation import Judge, Judgement

EARLY_SECONDS = 30.0  # of training, before the second preview
PREVIEWED = 1024  # clips that previews fit their priors to; the end takes all
FINISHING = 2.0  # times a preview: kept back from the budget for what follows the last step


class Watcher(Protocol):
    """Whoever wants to know how the training goes: a progress bar, a program, a test."""

    def step(self, step: int, fraction: float, loss: float, clips: int) -> None: ...

    def say(self, sentence: str) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """How a training ended."""

    run: Path
    steps: int
    seconds: float
    finished: bool
    losses: dict[str, float]
    held_out: dict[str, float]
    best: Judgement | None = None  # the nearest to the held-out clips, kept in the run's folder `best`
    last: Judgement | None = None


class Training:
    """One stage of one system on its way: weights, their average, optimizers, the clock."""

    def __init__(
        self,
        run: Path,
        system: System,
        name: str,
        clips: Feed,
        held_out: Feed,
        settings: TrainSettings,
        team: Team,
        watcher: Watcher,
        started_at: float,
    ) -> None:
        self.run, self.system, self.name, self.settings = run, system, name, settings
        self.clips, self.held_out, self.team, self.watcher = clips, held_out, team, watcher
        self.some = clips.some(PREVIEWED)
        self.device = device_for(settings.device)
        system.to(self.device)
        (self.stage,) = system.stages()
        self.optimizers = {objective.name: objective.optimizer() for objective in self.stage.objectives}
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]
        self.average = copy.deepcopy(system).eval()
        self.budget = Budget(settings, started_at)
        self.journal = Journal(run, settings.tensorboard and team.leads)
        self.judge = Judge(run, clips, held_out, settings, watcher.say)
        self.step, self.precision = 0, settings.precision
        self.losses: dict[str, float] = {}
        self.unseen: dict[str, float] = {}

    def resume(self) -> None:
        """Go on from the last saved state."""
        facts = state.load(self.run, self.system, self.average, self.optimizers)
        self.step, self.precision, self.budget.before = facts["step"], facts["precision"], facts["seconds"]
        self.judge.remember(facts.get("judged", ()))
        if self.team.leads:
            self.journal.forget_from(self.step)
            if self.judge.history and self.judge.history[-1].step == self.step:  # killed just after it, maybe
                self._keep(self.judge.history[-1])
        self.watcher.say(f"going on after step {self.step}")

    def train(self) -> Outcome:
        """Train until the budget is spent or a signal asks to stop; either way everything is saved."""
        objectives = [(objective, self.team.wrap(objective, self.device)) for objective in self.stage.objectives]
        if self.precision == "auto":
            self.precision = self.team.agree(self._faster_precision())
            self.watcher.say(f"training in {self.precision}, the faster on this machine")
        if self.step == 0 and self.team.leads:
            self._save_state()  # from here on a kill at any moment can be resumed
            if not self.settings.preview_seconds:
                self._settle(self.some)  # else the first preview does, so that there is a checkpoint from the start
                self.average.to(self.device)
        saved_at = time.monotonic()
        previewed_at = -float("inf") if self.step == 0 else self.budget.seconds
        early = self.step == 0
        with stop_signals() as stop:
            while (fraction := self.team.agree(self.budget.fraction(self.step))) < 1 and not self.team.agree(
                stop.is_set()
            ):
                if self._due(previewed_at, early):
                    early = previewed_at == -float("inf")
                    self._preview()
                    previewed_at = self.budget.seconds
                self._descend(objectives, fraction)
                self.step += 1
                if self.team.leads and time.monotonic() - saved_at >= self.settings.save_seconds:
                    self._save_state()
                    saved_at = time.monotonic()
            finished = fraction >= 1
            if self.team.leads:
                self.finish()
        best, last = self.judge.best, self.judge.history[-1] if self.judge.history else None
        return Outcome(self.run, self.step, self.budget.seconds, finished, self.losses, self.unseen, best, last)

    def _descend(self, objectives: list[tuple[Any, nn.Module]], fraction: float) -> None:
        """One step of every objective of the stage: one for a VAE, two for a GAN."""
        size = self.system.config.batch_size
        audio, codes = self.clips.at(self.step, size, self.settings.seed, self.team, self.system.augmentation)
        rows = self.team.rows(size)
        encoded = self.stage.representation.encode(audio.to(self.device))
        batch = Batch(encoded, codes.to(self.device), self.settings.seed, self.step, rows.start, size)
        for objective, wrapped in objectives:
            optimizer = self.optimizers[objective.name]
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * learning_rate_factor(fraction, self.settings.warmup)
            with precision.autocast(self.precision, self.device):
                loss = wrapped(batch, fraction)
            optimizer.zero_grad(set_to_none=True)
            loss.total.backward()
            nn.utils.clip_grad_norm_(list(objective.moves()), self.settings.clip_norm)
            optimizer.step()
            self._note(objective.name, loss.total, loss.parts, fraction)
        follow(self.average, self.system, min(self.settings.average, (1 + self.step) / (10 + self.step)))

    def _note(self, name: str, total: torch.Tensor, parts: dict[str, torch.Tensor], fraction: float) -> None:
        values = {f"{name}.{part}": float(value.detach()) for part, value in {"loss": total, **parts}.items()}
        if not all(value - value == 0 for value in values.values()):
            raise FloatingPointError(
                f"the loss became {values[f'{name}.loss']} at step {self.step}; what was last saved is whole; "
                f"train anew into another --out with a lower learning rate: --set "
                f"learning_rate={self.system.config.learning_rate / 3:.0e}"
            )
        self.losses |= values
        if self.team.leads:
            self.watcher.step(self.step, fraction, values[f"{name}.loss"], self.system.config.batch_size)
            self.journal.write(self.step, {"seconds": round(self.budget.seconds, 3), **values})

    def _due(self, previewed_at: float, early: bool) -> bool:
        if not self.settings.preview_seconds or not self.team.leads:
            return False
        waited = self.budget.seconds - previewed_at
        return waited >= (min(EARLY_SECONDS, self.settings.preview_seconds) if early else self.settings.preview_seconds)

    def _preview(self) -> None:
        """Let hear what the averaged weights make now, measure them on clips never seen, and keep them."""
        begun = time.monotonic()
        self._settle(self.some)
        self._show()
        self.average.to(self.device)
        self.budget.reserve = FINISHING * (time.monotonic() - begun - self.judge.spent) + self.judge.needs

    def _settle(self, clips: Clips) -> None:
        """Make the averaged weights ready to sample, on the processor, where sampling happens, and keep them."""
        if len(self.held_out):
            self.unseen = held_out_loss(self.average, self.held_out, self.device)
            self.journal.write(self.step, {f"held_out.{key}": value for key, value in self.unseen.items()})
        self.average.cpu().settle(clips)
        checkpoint.save(self.run, self.average, self.name)

    def _show(self) -> None:
        """Let hear what the averaged weights make, then measure it."""
        said = [f"step {self.step}"]
        sounds = self.judge.sounds(self.step, self.average)
        if self.settings.preview_seconds:
            folder = self.run / "previews" / f"step-{self.step:06d}"
            preview(folder, sounds[: self.settings.preview_count])
            said[0] += f": {self.settings.preview_count} sounds in {folder}"
        if self.unseen:
            said.append("held out: " + ", ".join(f"{key} {value:.4g}" for key, value in self.unseen.items()))
        judgement = self.judge.judge(self.step, sounds)
        if judgement is not None:
            self._save_state()  # before the best is replaced: whoever goes on from here knows what it is
            self._keep(judgement)
            said.append(str(judgement))
        if self.settings.preview_seconds or judgement is not None:
            self.watcher.say("; ".join(said))
        if judgement is not None and self.judge.advice:
            self.watcher.say(self.judge.advice)

    def _keep(self, judgement: Judgement) -> None:
        """Log the figures of the averaged weights, and keep the weights if none came nearer."""
        self.journal.write(self.step, judgement.figures)
        if judgement is self.judge.best:
            self.judge.keep(self.average, self.name)

    def _save_state(self) -> None:
        facts = {"step": self.step, "seconds": self.budget.seconds, "precision": self.precision}
        state.save(self.run, self.system, self.average, self.optimizers, {**facts, "judged": self.judge.plain()})

    def finish(self) -> None:
        """Save, so that nothing that follows can cost the work; then fit the priors to all clips, and let hear."""
        self._save_state()
        self._settle(self.clips)
        self._save_state()  # with the priors
        self._show()
        self.journal.close()

    def _faster_precision(self) -> str:
        """Measured on the first batch; leaves weights and statistics as they were."""
        before = copy.deepcopy(self.system.state_dict())
        audio, codes = self.clips.at(
            0, self.system.config.batch_size, self.settings.seed, self.team, self.system.augmentation
        )
        batch = Batch(self.stage.representation.encode(audio.to(self.device)), codes.to(self.device), 0, 0)

        def step() -> None:
            for objective in self.stage.objectives:
                objective(batch, 0.5).total.backward()

        found = precision.faster_precision(step, self.device)
        self.system.load_state_dict(before)
        self.system.zero_grad(set_to_none=True)
        return found


@torch.no_grad()
def follow(average: System, system: System, decay: float) -> None:
    """Move the averaged weights towards the current ones (Polyak & Juditsky 1992); buffers are taken as they are."""
    moved = dict(system.named_parameters())
    torch._foreach_lerp_(list(dict(average.named_parameters()).values()), list(moved.values()), 1 - decay)
    learnt = {id(parameter) for parameter in moved.values()}
    theirs = dict(average.named_buffers())
    for name, buffer in system.named_buffers():
        if id(buffer) not in learnt and name in theirs and buffer.is_floating_point() and RUNNING in f".{name}":
            theirs[name].copy_(buffer)


RUNNING = ".running_"  # begins the names of buffers that move while training, as batch statistics do; others do not
