"""How a run goes, in the terminal: a bar in a real one, a line for each measurement elsewhere; samples in both."""

import time

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from kata.capstone.run import Run

SAMPLE_SHOWN = 240
SECONDS_BETWEEN = 0.2


class Screen:
    """Tells a person how it goes."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar = Progress(
            BarColumn(bar_width=20),
            TextColumn("{task.fields[says]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("", total=None, says="the first steps ...")
        self.shown = 0.0

    def __enter__(self) -> "Screen":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def stepped(self, run: Run) -> None:
        """Moves the bar, not too often."""
        if time.monotonic() - self.shown > SECONDS_BETWEEN:
            self.shown = time.monotonic()
            self._move(run)

    def measured(self, run: Run) -> None:
        """Shows the losses."""
        self._move(run)
        if not self.console.is_terminal:
            point, facts = run.record.points[-1], run.record.facts
            against = f" (bigrams {facts.bigram:.3f})" if facts else ""
            says = f"step {point.step}: loss {point.train:.3f}, held out {point.held_out:.3f}{against}"
            self.console.print(f"{says}, {speed(run)}, {run.seconds:.0f} s")

    def sampled(self, run: Run) -> None:
        """Shows what the model writes."""
        sample = run.record.samples[-1]
        text = " ".join(f"{sample.given}{sample.text}".split())
        text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)  # it may write anything
        shown = text if len(text) <= SAMPLE_SHOWN else f"{text[:SAMPLE_SHOWN]} ..."
        self.console.print(Text(f"After {sample.step} steps it writes:", "bold"))
        self.console.print(Padding(Text(shown), (0, 0, 0, 2)))

    def saved(self, run: Run) -> None:
        """Nothing to show."""

    def _move(self, run: Run) -> None:
        # Where time is the bound, the number of steps is a plan, and moves; the time does not.
        if run.bound.steps is not None:
            done, total = float(run.step), float(run.bound.steps)
        else:
            done, total = min(run.seconds, run.bound.seconds), run.bound.seconds
        losses = ""
        if run.record.points:
            point = run.record.points[-1]
            losses = f"loss {point.train:.2f}, held out {point.held_out:.2f}, "
        self.bar.update(self.task, completed=done, total=total, says=f"step {run.step}, {losses}{speed(run)}")


def speed(run: Run) -> str:
    """Tokens a second, in this call."""
    settings = run.settings
    tokens = (run.step - run.first_step) * settings.batch_size * settings.context_length
    return f"{tokens / max(1e-9, run.seconds - run.first_seconds):,.0f} tokens/s"
