"""One call of the capstone: how far it may go, what it has measured, and what of it is kept."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from kata import KataError
from kata.capstone import record
from kata.capstone.processes import Crew
from kata.capstone.record import Facts, Point, Record, Sample, Settings

FOR_NOW = 1_000_000
"""How many steps there are to be, before anyone knows how fast they are."""


@dataclass(frozen=True)
class Bound:
    """Where a run ends: after so many steps, if that is given, or else after so many seconds of training."""

    seconds: float = 180.0
    steps: int | None = None


class Watcher(Protocol):
    """Who is told how the run goes."""

    def stepped(self, run: "Run") -> None:
        """After each step."""

    def measured(self, run: "Run") -> None:
        """After each measurement: it is the last point of the record."""

    def sampled(self, run: "Run") -> None:
        """After each sample: it is the last sample of the record."""

    def saved(self, run: "Run") -> None:
        """After each checkpoint."""


class Run:
    """What the training script reads of its run, and tells it.

    `step` counts the steps done, `total_steps` is how many there are to be: a plan, made anew after each round where
    time is the bound. Only the first of several processes keeps anything; all of them see the same numbers.
    """

    def __init__(
        self, folder: Path, kept: Record, bound: Bound, device: str, crew: Crew, watchers: tuple[Watcher, ...] = ()
    ) -> None:
        self.folder = folder
        self.record = kept
        self.bound = bound
        self.device = device
        self.crew = crew
        self.watchers = watchers if crew.rank == 0 else ()
        self.step = 0
        self.total_steps = bound.steps or FOR_NOW
        self.began = time.monotonic()
        self.first_step = 0
        self.first_seconds = 0.0

    @property
    def settings(self) -> Settings:
        """What the run cannot change."""
        return self.record.settings

    @property
    def seconds(self) -> float:
        """How long this run has trained, over all calls."""
        return self.first_seconds + time.monotonic() - self.began

    @property
    def is_over(self) -> bool:
        """Whether the bound is reached."""
        return self.step >= self.total_steps

    def begin(self, facts: Facts) -> None:
        """Tells what is known before the first step."""
        self.record = replace(self.record, facts=facts)

    def resume(self, load: Callable[[Path], int]) -> None:
        """Goes on from the checkpoint, if there is one; the clock starts here."""
        checkpoint = self.folder / record.CHECKPOINT
        if checkpoint.exists():
            try:
                self.step = load(checkpoint)
            except Exception as error:
                raise KataError(
                    f"Your load_checkpoint cannot bring back {checkpoint}: {type(error).__name__}: {error}. If the "
                    "model has changed since, begin anew with --fresh; the old run is kept aside."
                ) from error
        self.record = self.record.back_to(self.step)
        self.first_step, self.first_seconds = self.step, self.record.seconds
        self.began = time.monotonic()
        self._plan()

    def stepped(self) -> None:
        """Counts a step."""
        self.step += 1
        for watcher in self.watchers:
            watcher.stepped(self)

    @property
    def wants_sample(self) -> bool:
        """Whether to write a sample now: after rounds 1, 2, 4, 8 and so on, and at the end."""
        rounds = self.step // self.settings.round_steps
        return self.crew.rank == 0 and (self.is_over or rounds & (rounds - 1) == 0)

    def measured(self, train: float, held_out: float) -> None:
        """Notes the losses as they are now; over several processes, their means."""
        train, held_out = self.crew.mean([train, held_out])
        if not math.isfinite(train + held_out):
            raise KataError(
                f"After step {self.step} the loss is {train}, no longer a number. Lower --max-lr, and begin anew with "
                "--fresh."
            )
        self.record = replace(self.record, points=(*self.record.points, Point(self.step, train, held_out)))
        for watcher in self.watchers:
            watcher.measured(self)

    def sampled(self, given: str, text: str) -> None:
        """Notes what the model writes now."""
        self.record = replace(self.record, samples=(*self.record.samples, Sample(self.step, given, text)))
        for watcher in self.watchers:
            watcher.sampled(self)

    def save(self, save: Callable[[Path], None]) -> None:
        """Keeps everything, and plans the rest of the time.

        The record first: on going on, what stands in it beyond the checkpoint is dropped and done again.
        """
        self._plan()
        tokens = self.step * self.settings.batch_size * self.settings.context_length
        self.record = replace(self.record, step=self.step, seconds=self.seconds, tokens=tokens, finished=self.is_over)
        if self.crew.rank == 0:
            record.write(self.folder, self.record)
            save(self.folder / record.CHECKPOINT)
            for watcher in self.watchers:
                watcher.saved(self)
        self.crew.wait()

    def _plan(self) -> None:
        if self.bound.steps is not None or self.is_over:
            return
        done = self.step - self.first_step
        left = self.bound.seconds - self.seconds
        if done:
            more = math.ceil(max(0.0, left) * done / (self.seconds - self.first_seconds))
        elif self.step:
            more = math.ceil(max(0.0, left) * self.step / self.first_seconds)
        else:
            more = FOR_NOW
        # At least one: whatever the clock says, the last round is known as such when it begins.
        self.total_steps = self.step + max(1, int(self.crew.agree(more)))
