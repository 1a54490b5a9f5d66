"""The training loop: stages in order; it knows no system by name."""

from __future__ import annotations

import copy
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from soundloom.checkpoints import checkpoint
from soundloom.contract import Clips, Loss, Objective, Stage, System
from soundloom.runtime.signals import stop_signals
from soundloom.training import precision, state
from soundloom.training.average import WeightAverage
from soundloom.training.batches import batch_of
from soundloom.training.budget import Budget, learning_rate_factor
from soundloom.training.data import TrainingData
from soundloom.training.distributed import Team, device_for
from soundloom.training.freezing import freeze_all_but, moved_by
from soundloom.training.held_out_loss import held_out_loss
from soundloom.training.log import Log
from soundloom.training.measurement import Measurement
from soundloom.training.preview import Previews
from soundloom.training.settings import TrainSettings
from soundloom.training.validation import Validation
from soundloom.training.watcher import StepReport, Watcher

FINE_TUNING = 0.1  # of the learning rate, for weights that are trained already: its full size would undo them
PREVIEW_CLIPS = 1024  # clips that previews fit their priors to; the end of a stage takes all
FINISHING = 2.0  # times a preview: kept back from the budget for what follows the last step


@dataclass(frozen=True)
class Outcome:
    """How a training ended."""

    run: Path
    steps: int
    seconds: float
    finished: bool
    losses: dict[str, float]
    held_out: dict[str, float]
    best: Measurement | None = None  # the closest to the held-out clips, kept in the run's folder `best`
    last: Measurement | None = None


class Training:
    """The state of a training as it goes through its stages: weights, their average, optimizers, the clock."""

    def __init__(
        self,
        run: Path,
        system: System,
        name: str,
        data: TrainingData,
        settings: TrainSettings,
        team: Team,
        watcher: Watcher,
        started_at: float,
        stop: threading.Event | None = None,
        fresh: bool = True,
    ) -> None:
        self.run, self.system, self.name, self.data, self.settings = run, system, name, data, settings
        self.team, self.watcher, self.stop, self.fresh = team, watcher, stop, fresh
        self.device = device_for(settings.device)
        self.stages = system.stages()
        self.moved = [moved_by(stage) for stage in self.stages]
        self.average = copy.deepcopy(system).eval()
        self.budget = Budget(settings, started_at)
        self.log = Log(run, settings.tensorboard and team.leads)
        self.validation = Validation(run, *data.feeds, settings, watcher.message)
        self.previews = Previews(run, settings, self.validation)
        self.step, self.number, self.precision = 0, 0, settings.precision
        self.losses: dict[str, float] = {}
        self.held_out_losses: dict[str, float] = {}

    def resume(self) -> None:
        """Continue from the last saved state."""
        saved = state.read(self.run)
        position = saved.position
        self.step, self.budget.before = position["step"], position["seconds"]
        self._load(position["stage"])
        self._enter(position["begun_step"], position["begun_seconds"])
        state.restore(saved, self.system, self.average, self._keyed_optimizers)
        self.precision = position["precision"]
        self.validation.restore(position.get("validation", ()))
        if self.team.leads:
            self.log.forget_from(self.step)
            history = self.validation.history
            if history and history[-1].step == self.step:  # it may have been killed before the best was kept
                self._keep(history[-1])
        self.watcher.message(f"resuming after step {self.step}")

    def train(self) -> Outcome:
        """Train until the budget is spent or a stop is requested; either way everything is saved."""
        if not self.step:
            self._begin(0)
        with stop_signals(self.stop) as stop:
            while (finished := self._train_stage(stop)) and self.number + 1 < len(self.stages):
                self._end_stage()
                self._begin(self.number + 1)
            if self.team.leads:
                self._finish()
        self.log.close()
        best, last = self.validation.best, self.validation.history[-1] if self.validation.history else None
        return Outcome(
            self.run, self.step, self.budget.seconds, finished, self.losses, self.held_out_losses, best, last
        )

    @property
    def stage(self) -> Stage:
        """The stage that trains now."""
        return self.stages[self.number]

    @property
    def batch_size(self) -> int:
        """Clips in a step, over all processes."""
        return self.stage.batch_size or int(self.system.config.batch_size)

    def _load(self, number: int) -> None:
        """Open the clips of a stage."""
        self.number = number
        self.clips, self.held_out = self.data.feeds_of(self.stage)
        self.preview_clips = self.clips.some(PREVIEW_CLIPS)

    def _enter(self, step: int, seconds: float) -> None:
        """Prepare to train the stage, which begins, or began, at a step."""
        self.budget.begin_stage(tuple(stage.share for stage in self.stages[self.number :]), step, seconds)
        self.system.to(self.device)
        earlier = [parameter for moved in self.moved[: self.number] for parameter in moved]
        freeze_all_but(self.system, self.moved[self.number], earlier)
        self.optimizers = {objective.name: objective.optimizer() for objective in self.stage.objectives}
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"] * (1.0 if self.fresh else FINE_TUNING)
        self.average = copy.deepcopy(self.system).eval()
        self.average.unfinished = None if self.stage.playable else self.stage.name
        self.weights = WeightAverage(self.average, self.system, self.stage)
        self.precision = self.settings.precision

    def _begin(self, number: int) -> None:
        """Show the system its training set, then save: from here on a training that is killed can be resumed."""
        self._load(number)
        self.system.cpu().prepare(self.stage, self.clips, self.fresh)
        self._enter(self.step, self.budget.seconds if number else 0.0)
        if len(self.stages) > 1:
            self.watcher.message(f"stage {number + 1} of {len(self.stages)}: {self.stage.name}")
        self._choose_precision()
        if not self.team.leads:
            return
        self._save_state()
        if number or not self._previews:  # else the first preview saves the first checkpoint
            self._finish_average(self.preview_clips)
            self.average.to(self.device)

    def _train_stage(self, stop: threading.Event) -> bool:
        """Train until the stage has used its share of the budget, or a stop is requested; returns whether it has."""
        self._choose_precision()
        objectives = [(objective, self.team.wrap(objective, self.device)) for objective in self.stage.objectives]
        saved_at = time.monotonic()
        self.previews.begin_stage(self.step == 0, self.budget.seconds)
        while (fraction := self.team.agree(self.budget.fraction(self.step))) < 1:
            if self.team.agree(stop.is_set()):
                return False
            if self._previews and self.team.leads and self.previews.due(self.budget.seconds):
                self._preview()
                self.previews.begin_wait(self.budget.seconds)
            self._descend(objectives, fraction)
            self.step += 1
            if self.team.leads and time.monotonic() - saved_at >= self.settings.save_seconds:
                self._save_state()
                saved_at = time.monotonic()
        return True

    def _end_stage(self) -> None:
        """Replace the weights by their average, which is what is kept: later stages train on its outputs."""
        if self.team.leads:
            self._finish()
        kept = self.team.agree(self.average.cpu().state_dict() if self.team.leads else None)
        self.system.cpu().load_state_dict(kept)

    def _choose_precision(self) -> None:
        if self.precision == "auto":
            self.precision = self.team.agree(self._faster_precision())
            self.watcher.message(f"training in {self.precision}, the faster on this machine")

    def _descend(self, objectives: list[tuple[Objective, nn.Module]], fraction: float) -> None:
        """One step of every objective of the stage: one for a VAE, two for a GAN."""
        size = self.batch_size
        clips = self.clips.at(self.step, size, self.settings.seed, self.team, self.system.augmentation)
        first = self.team.rows(size).start
        batch = batch_of(clips, self.stage, self.device, self.settings.seed, self.step, first, size)
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
            if loss.sums is not None:
                objective.update_statistics(self.team.sum(loss.sums), batch)
            self._note(objective.name, loss, fraction)
        done = self.step - self.budget.begun_step
        self.weights.follow(min(self.settings.average, (1 + done) / (10 + done)))

    def _note(self, name: str, loss: Loss, fraction: float) -> None:
        parts = {"loss": loss.total, **loss.parts}
        values = {f"{name}.{part}": float(value.detach()) for part, value in parts.items()}
        if not all(value - value == 0 for value in values.values()):
            raise FloatingPointError(
                f"the loss became {values[f'{name}.loss']} at step {self.step}; the last save is intact; "
                f"train into another --out with a lower learning rate: --set "
                f"learning_rate={self.system.config.learning_rate / 3:.0e}"
            )
        self.losses |= values
        if self.team.leads:
            self.watcher.step(self._report(values[f"{name}.loss"], fraction))
            self._log({"seconds": round(self.budget.seconds, 3), **values})

    def _report(self, loss: float, fraction: float) -> StepReport:
        shares = [stage.share for stage in self.stages]
        done = (sum(shares[: self.number]) + fraction * shares[self.number]) / sum(shares)
        place = (self.stage.name, self.number + 1, len(self.stages))
        return StepReport(self.step, done, loss, self.batch_size, *place)

    def _log(self, values: dict[str, float]) -> None:
        self.log.write(self.stage.name, self.step, values)

    @property
    def _previews(self) -> bool:
        return bool(self.settings.preview_seconds) and self.stage.playable

    def _preview(self) -> None:
        """Save the averaged weights, and preview them."""
        begun = time.monotonic()
        self._finish_average(self.preview_clips)
        self._show()
        self.average.to(self.device)
        self.budget.reserve = FINISHING * (time.monotonic() - begun - self.validation.spent) + self.validation.needs

    def _finish_average(self, clips: Clips) -> None:
        """Prepare the averaged weights for sampling, on the CPU, and save them."""
        stage = self.average.stages()[self.number]
        if len(self.held_out):
            self.held_out_losses = held_out_loss(stage, self.held_out.some(self.system.measured), self.device)
            self._log({f"held_out.{key}": value for key, value in self.held_out_losses.items()})
        self.average.cpu().finish(stage, clips)
        checkpoint.save(self.run, self.average, self.name)

    def _show(self) -> None:
        """Make, measure and report a preview, and keep the averaged weights if they are the best so far."""
        preview = self.previews.make(self.step, self.average, self.stage, self.held_out_losses)
        if preview.measurement is not None:
            self._save_state()  # before the best is replaced: a resumed training knows what it is
            self._keep(preview.measurement)
        if preview.report:
            self.watcher.message(preview.report)
        if preview.measurement is not None and self.validation.advice:
            self.watcher.message(self.validation.advice)

    def _keep(self, measurement: Measurement) -> None:
        """Log the figures of the averaged weights, and keep the weights if no earlier ones are better."""
        self._log(measurement.figures)
        if measurement is self.validation.best:
            self.validation.keep(self.average, self.name)

    @property
    def _keyed_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {f"{self.stage.name}.{name}": optimizer for name, optimizer in self.optimizers.items()}

    def _save_state(self) -> None:
        position: dict[str, Any] = {
            "step": self.step,
            "stage": self.number,
            "begun_step": self.budget.begun_step,
            "begun_seconds": self.budget.begun_seconds,
            "seconds": self.budget.seconds,
            "precision": self.precision,
            "validation": self.validation.to_list(),
        }
        state.save(self.run, self.system, self.average, self._keyed_optimizers, position)

    def _finish(self) -> None:
        """Save first, so that no later failure loses the work; then fit the priors to all clips, and preview."""
        self._save_state()
        self._finish_average(self.clips)
        self._save_state()  # with the priors
        self._show()

    def _faster_precision(self) -> str:
        """Measure on the first batch; weights and statistics stay as they were."""
        before = copy.deepcopy(self.system.state_dict())
        clips = self.clips.at(0, self.batch_size, self.settings.seed, self.team, self.system.augmentation)
        batch = batch_of(clips, self.stage, self.device, 0, 0)

        def step() -> None:
            for objective in self.stage.objectives:
                objective(batch, 0.5).total.backward()

        faster = precision.faster_precision(step, self.device)
        self.system.load_state_dict(before)
        self.system.zero_grad(set_to_none=True)
        return faster
