"""What is kept of a run beside its checkpoint: how it was set up, its losses, its samples."""

import itertools
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from kata import KataError
from kata.files import write_atomically

FILE = "run.json"
CHECKPOINT = "checkpoint.pt"
PAGE = "page.html"
VERSION = 1


@dataclass(frozen=True)
class Settings:
    """What a run cannot change once it has begun: the tokens, the model, the course of its training.

    `round_steps` is how many steps go by from one measurement and checkpoint to the next.
    """

    tokenizer: str = "own"
    vocab_size: int = 1024
    context_length: int = 64
    emb_dim: int = 128
    n_heads: int = 4
    n_layers: int = 4
    drop_rate: float = 0.1
    batch_size: int = 16
    max_lr: float = 2e-3
    round_steps: int = 50
    seed: int = 1


@dataclass(frozen=True)
class Point:
    """The losses, in nats a token, after so many steps."""

    step: int
    train: float
    held_out: float


@dataclass(frozen=True)
class Sample:
    """What the model wrote after so many steps; the beginning was given."""

    step: int
    given: str
    text: str


@dataclass(frozen=True)
class Facts:
    """What is known before the first step. `nats_to_bits` turns nats a token into bits a character."""

    text: str
    vocab_size: int
    train_tokens: int
    held_out_tokens: int
    nats_to_bits: float
    parameters: int
    unigram: float
    bigram: float


@dataclass(frozen=True)
class Record:
    """A run, as far as it has come. `seconds` is how long it trained, over all calls."""

    settings: Settings
    tree: str = "exercises"
    device: str = "cpu"
    processes: int = 1
    facts: Facts | None = None
    points: tuple[Point, ...] = ()
    samples: tuple[Sample, ...] = ()
    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    finished: bool = False

    def back_to(self, step: int) -> "Record":
        """The same run after so many steps: what was noted later is to be done again."""
        per_step = self.seconds / self.step if self.step else 0.0
        return replace(
            self,
            points=tuple(point for point in self.points if point.step <= step),
            samples=tuple(sample for sample in self.samples if sample.step <= step),
            step=step,
            seconds=per_step * step,
            tokens=self.tokens * step // self.step if self.step else 0,
            finished=False,
        )


def read(folder: Path) -> Record | None:
    """The run in a folder, if there is one."""
    file = folder / FILE
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data.pop("version") != VERSION:
            raise ValueError
        data["settings"] = Settings(**data["settings"])
        data["facts"] = Facts(**data["facts"]) if data["facts"] else None
        data["points"] = tuple(Point(**point) for point in data["points"])
        data["samples"] = tuple(Sample(**sample) for sample in data["samples"])
        return Record(**data)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        raise KataError(f"{file} is no record of a run that this kata can read. Call it with --fresh.") from None


def write(folder: Path, record: Record) -> None:
    """Replaces what is kept in a folder."""
    write_atomically(folder / FILE, json.dumps({"version": VERSION, **asdict(record)}, indent=1) + "\n")


def set_aside(folder: Path) -> Path | None:
    """Gives the folder of an old run another name, the first free one with a number; None if there was no run."""
    if not folder.exists():
        return None
    names = (folder.with_name(f"{folder.name}-{number}") for number in itertools.count(1))
    return folder.rename(next(name for name in names if not name.exists()))
