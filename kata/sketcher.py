"""The process in which an exercise's look is drawn: first the reference's pictures, then those of the tree under test.

A look is a file beside the laws, `tests/<chapter>/look_<exercise>.py`, with a function `look(submission, sentence)`
that returns calls without arguments. Each call returns a picture, or a list of them; what one raises costs no other.
"""

import contextlib
import faulthandler
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kata import limits, pictures
from kata.curriculum import Curriculum, Exercise
from kata.pictures import Picture, Token
from kata.worker import send_output_to

SENTENCE = "Unhurriedly, the zoologist fed the hedgehog."
SECONDS_TO_SAY_WHERE = 0.5

Call = Callable[[], Picture | Sequence[Picture]]
Look = Callable[..., Sequence[Call]]


@dataclass(frozen=True)
class Sentence:
    """What every look is of: an English sentence, and GPT-2's tokens of it."""

    text: str
    tokens: tuple[Token, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The text of each token."""
        return tuple(token.text for token in self.tokens)

    @property
    def ids(self) -> list[int]:
        """The id of each token."""
        return [token.id or 0 for token in self.tokens]


@dataclass(frozen=True)
class Request:
    """What is to be drawn, and under which conditions: the fields of a judge's request that matter here.

    `seconds` is how long the submission may take; shortly before that, `where` is told at which lines it is.
    """

    curriculum: Curriculum
    exercise: str
    tree: Path
    folder: Path
    output: Path
    where: Path
    seconds: float
    confined: bool


def look_file(exercise: Exercise) -> Path:
    """Where an exercise's look is, if it has one."""
    return exercise.law_file.with_name(f"look_{exercise.id}.py")


def main(request: Request, channel: Connection) -> None:
    """Draws, and leaves without asking the submission. Sends one JSON object for each event."""
    with contextlib.suppress(AttributeError, OSError):
        os.setsid()
    limits.die_with_parent()
    send_output_to(request.output)

    def send(**event: object) -> None:
        channel.send_bytes(json.dumps(event).encode())

    try:
        _draw(request, send)
    except Exception as error:  # the reference, or the look itself: no fault of the submission
        send(broken=f"{type(error).__name__}: {error}")
    os._exit(0)


def _draw(request: Request, send: Callable[..., None]) -> None:
    from kata import isolation, vocabulary, wording
    from kata.laws.verbs import Submission
    from kata.trees import Trees

    vocabulary.point_tiktoken_here()
    vocabulary.ensure()
    curriculum, exercise = request.curriculum, request.curriculum.exercise(request.exercise)
    look, sentence = _look(exercise), _sentence()
    reference = Trees(curriculum, curriculum.root / "solutions")
    reference.install()
    for call in look(Submission(reference.load(exercise)), sentence):
        send(reference=[pictures.to_data(picture) for picture in _drawn(call)])
    reference.uninstall()

    trees = Trees(curriculum, request.tree)
    trees.read_ahead(exercise)
    trees.install()
    confined = request.confined and isolation.isolate(curriculum, request.tree, request.folder)
    limits.apply(limits.MEMORY)
    _say_where(request)
    send(ready=True, confined=confined)
    try:
        calls = look(Submission(trees.load(exercise)), sentence)
    except BaseException as error:
        send(nothing=wording.in_words(error, request.tree))
        return
    for index, call in enumerate(calls):
        send(begin=index)
        try:
            drawn = [pictures.to_data(picture) for picture in _drawn(call)]
            for data in drawn:
                pictures.from_data(data)
            send(yours=drawn)
        except pictures.Undrawable as error:
            send(yours=str(error))
        except BaseException as error:
            send(yours=wording.in_words(error, request.tree))
    send(done=True)


def _drawn(call: Call) -> Sequence[Picture]:
    drawn = call()
    return drawn if isinstance(drawn, list | tuple) else [drawn]  # type: ignore[list-item]


def _look(exercise: Exercise) -> Look:
    spec = importlib.util.spec_from_file_location(f"look_of_{exercise.id}", look_file(exercise))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    look: Look = module.look
    return look


def _sentence() -> Sentence:
    import tiktoken

    gpt2 = tiktoken.get_encoding("gpt2")
    ids = gpt2.encode_ordinary(SENTENCE)
    return Sentence(SENTENCE, tuple(Token(gpt2.decode([id]), id) for id in ids))


def _say_where(request: Request) -> None:
    """Lets Python write into a file which lines are running, at a crash and when the time is nearly over."""
    where: Any = request.where.open("ab", buffering=0)
    faulthandler.enable(where, all_threads=False)
    faulthandler.dump_traceback_later(max(0.1, request.seconds - SECONDS_TO_SAY_WHERE), file=where)
    sys.stdout.flush()
