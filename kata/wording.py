"""What broke a law, in words for a learner: an error as a sentence, its place, and all of it for --verbose."""

import contextlib
import linecache
import re
import textwrap
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import hypothesis.errors
import pytest
from _pytest.outcomes import OutcomeException
from torch import Tensor, nn

from kata.laws import LawBroken, as_python
from kata.laws.checks import is_unwritten
from kata.trees import MissingFile, UnsuitableFile
from kata.vocabulary import VocabularyError

HERE = Path(__file__).resolve().parent
FIXTURES = ("submission=", "gpt2=")
LONGEST_MESSAGE = 10_000
LONGEST_CASE = 2_000
CASE_WIDTH = 76
MOST_SHAPES = 6
TOOLS = {"hypothesis", "pluggy", "_pytest"}
"""Folders of code that no learner has heard of."""
MISSING_FORWARD = re.compile(r"\[(ModuleList|ModuleDict)\] is missing the required")
"""What PyTorch says of a container that is called."""

FLAKY = (
    "The code does not do the same every time: asked again for the very same case, it did something else. Does it keep "
    "something from one call to the next, or draw random numbers of its own?"
)
REJECTED = "The code turned every case away with hypothesis's `assume` or `reject`, so there was nothing to judge."
NOT_DRAWN = "The cases of this law could not be drawn. Run it again; if it stays, the law is wrong, not your code."


def in_words(error: BaseException, tree: Path) -> str:
    """An exception as a sentence. The laws' own speak for themselves; the learner's say where they come from."""
    if isinstance(error, LawBroken | VocabularyError | MissingFile | UnsuitableFile):
        return shortened(str(error))
    if is_unwritten(error):
        return "This is not written yet."
    where = place(error, tree)
    at = f" ({Path(where).name}){_text_of(where)}" if where else ""
    if isinstance(error, SyntaxError):
        return f"Python cannot read this file: {error.msg}.{at}"
    if (said := _of_the_judges_tools(error, tree)) is not None:
        return shortened(said + at)
    said = f"{type(error).__name__}{_said(error)}."
    if where is None and _reached(error):
        return shortened(f"The law could not go on with what it got from your code. It met {said}")
    return shortened("\n".join([f"The code raised {said}{at}", *_advice(error), *_shapes(error, tree)]))


def place(error: BaseException, tree: Path) -> str | None:
    """`file:line` of the last line of the tree's own code in the traceback."""
    if isinstance(error, LawBroken) and error.place:
        return error.place
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(tree):
        return f"{error.filename}:{error.lineno}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(tree)]
    if not own and error.__cause__ is not None:  # the law says in its own words what the code raised
        return place(error.__cause__, tree)
    return f"{own[-1].filename}:{own[-1].lineno}" if own else None


def counterexample(law: str, error: BaseException) -> str | None:
    """The smallest case: as Python where the law's calls can be written down, else as what the law was given."""
    if (case := as_python.last_case()) is not None:
        return shortened(case, LONGEST_CASE)
    for note in getattr(error, "__notes__", []):
        _, found, arguments = note.partition(f"{law}(\n")
        if found:
            lines = [line.strip().rstrip(",") for line in arguments.splitlines()]
            drawn = [line for line in lines if line not in (")", "") and not line.startswith(FIXTURES)]
            return shortened(textwrap.fill(", ".join(drawn), CASE_WIDTH, break_long_words=False), LONGEST_CASE)
    return None


def details(error: BaseException, law_file: Path, hidden: Path) -> str:
    """The traceback from the law on, without what called it; of lines in the folder `hidden` only where they are."""
    try:
        found = traceback.TracebackException.from_exception(error)
        for part in _chain(found):
            frames = [frame for frame in part.stack if not _is_the_judges(frame)]
            begin = next((i for i, frame in enumerate(frames) if frame.filename == str(law_file)), 0)
            part.stack = traceback.StackSummary.from_list([_unread(f, hidden) for f in frames[begin:]])
            part.__notes__ = None
        text = "".join(found.format()).rstrip()
    except Exception:  # the submission's own class may do anything
        return "(the traceback cannot be shown)"
    half = LONGEST_MESSAGE // 2 - 10
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:half]}\n ... \n{text[-half:]}"


def shortened(text: str, limit: int = LONGEST_MESSAGE) -> str:
    """The text, cut at the end."""
    return text if len(text) <= limit else f"{text[:limit]} ..."


def _of_the_judges_tools(error: BaseException, tree: Path) -> str | None:
    """A sentence for what pytest and hypothesis raise, of which a learner need not have heard."""
    if isinstance(error, hypothesis.errors.Flaky):
        inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        return FLAKY + (f"\nThe first time: {in_words(inner, tree)}" if inner is not None else "")
    if isinstance(error, hypothesis.errors.Unsatisfiable | hypothesis.errors.UnsatisfiedAssumption):
        return REJECTED
    if isinstance(error, OutcomeException):
        return f"The code called pytest.{_outcome(error)}: a law that was not judged to its end does not hold."
    if isinstance(error, pytest.UsageError | hypothesis.errors.HypothesisException):
        return NOT_DRAWN
    return None


def _outcome(error: OutcomeException) -> str:
    return {"Skipped": "skip", "Exit": "exit", "XFailed": "xfail"}.get(type(error).__name__, "fail")


def _said(error: BaseException) -> str:
    """What an error says: its first line, without the full stop."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # the submission's own class may do anything
        return ": (its message cannot be shown)"
    return f": {lines[0].rstrip('.')}" if lines else ""


def _reached(error: BaseException) -> bool:
    """Whether a law file's own line raised it, with what a submission gave it."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and any(Path(frame.filename).name.startswith("test_") for frame in frames)


def _text_of(place: str) -> str:
    """The line itself, for one who reads the message without the file."""
    file, _, line = place.rpartition(":")
    text = linecache.getline(file, int(line)).partition("  # ")[0].strip()
    return f"\n    {text}" if text else ""


def _advice(error: BaseException) -> list[str]:
    """What to do about an error of PyTorch's that says little to one who meets it for the first time."""
    if isinstance(error, NotImplementedError) and (kind := MISSING_FORWARD.search(str(error))):
        return [f"An nn.{kind[1]} holds modules but cannot be called: loop over it, or make it an nn.Sequential."]
    return []


def _shapes(error: BaseException, tree: Path) -> list[str]:
    """The tensors named on the line of the tree's own code that raised, with their shapes."""
    frames = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if Path(frame.f_code.co_filename).is_relative_to(tree)
    ]
    if not frames or not isinstance(error, RuntimeError | IndexError | ValueError | TypeError):
        return []
    tensors = dict(_tensors_on(*frames[-1]))
    if not tensors:
        return []
    dtypes = {tensor.dtype for tensor in tensors.values()}
    said = [
        f"{name} has shape {tuple(tensor.shape)}" + (f" and dtype {str(tensor.dtype)[6:]}" if len(dtypes) > 1 else "")
        for name, tensor in list(tensors.items())[:MOST_SHAPES]
    ]
    *others, last = said
    return [f"There, {', '.join(others)}{' and ' if others else ''}{last}."]


def _tensors_on(frame: FrameType, line: int) -> Iterator[tuple[str, Tensor]]:
    text = linecache.getline(frame.f_code.co_filename, line).partition("#")[0]
    for name in re.findall(r"(?<![\w.\"'])[A-Za-z_]\w*(?:\.\w+)?", text):
        owner, _, attribute = name.partition(".")
        value: Any = frame.f_locals.get(owner)
        if isinstance(value, Tensor):
            yield owner, value
        elif attribute and isinstance(value, nn.Module):
            with contextlib.suppress(Exception):
                if isinstance(found := getattr(value, attribute), Tensor):
                    yield name, found
                elif isinstance(found, nn.Module) and isinstance(weight := getattr(found, "weight", None), Tensor):
                    yield f"{name}.weight", weight


def _chain(found: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    queue: list[traceback.TracebackException | None] = [found]
    while queue:
        part = queue.pop()
        if part is not None:
            yield part
            queue += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or [])]


def _is_the_judges(frame: traceback.FrameSummary) -> bool:
    return not TOOLS.isdisjoint(Path(frame.filename).parts) or Path(frame.filename).is_relative_to(HERE)


def _unread(frame: traceback.FrameSummary, hidden: Path) -> traceback.FrameSummary:
    if not Path(frame.filename).is_relative_to(hidden):
        return frame
    return traceback.FrameSummary(frame.filename, frame.lineno, frame.name, lookup_line=False, line="")
