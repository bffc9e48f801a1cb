"""Probes: a few fixed calls of an exercise's code, and what comes of them as plain data that can be compared.

A law file may define `probe(submission)`, which returns a list of calls without arguments. What the calls return tells
one misconception from another, so between them they should touch everything that the exercise's misconceptions change.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from kata.laws import draw, verbs
from kata.laws.checks import is_unwritten
from kata.laws.verbs import Submission
from kata.outcomes import UNWRITTEN, Outcome, same

__all__ = ["UNWRITTEN", "Outcome", "gradients", "module", "observe", "same"]

Call = Callable[[], Any]
MOST_NUMBERS = 2000
MOST_ITEMS = 2000


def observe(laws: ModuleType, submission: Submission) -> list[Outcome] | None:
    """What the probe of a law file finds in a submission; None where there is no probe, or it cannot begin."""
    probe: Callable[[Submission], Sequence[Call]] | None = getattr(laws, "probe", None)
    if probe is None:
        return None
    try:
        calls = probe(submission)
    except Exception:
        return None
    return [_outcome(call) for call in calls]


def module(kind: Callable[..., Any], *arguments: Any, seed: int = 0, **named: Any) -> Any:
    """A learner's module in eval mode and float64; each parameter random in a way that depends on its name alone.

    So two modules that declare the same parameters in another order, or one more, still compute with the same numbers.
    """
    built = verbs.construct(kind, *arguments, seed=seed, **named).to(torch.float64).eval()
    with torch.no_grad():
        for name, parameter in built.named_parameters():
            parameter.copy_(draw.normal(seed + zlib.crc32(name.encode()), *parameter.shape))
    return built


def gradients(built: Any, result: Tensor) -> list[tuple[str, Tensor | None]]:
    """The gradient of each parameter, by name, when the result is pulled in a fixed direction."""
    (result * draw.normal(1, *result.shape, dtype=result.dtype)).sum().backward()  # type: ignore[no-untyped-call]
    return sorted((name, parameter.grad) for name, parameter in built.named_parameters())


def _outcome(call: Call) -> Outcome:
    torch.default_generator.manual_seed(0)
    try:
        return _plain(call())
    except Exception as error:
        if is_unwritten(error):
            return UNWRITTEN
        return {"error": next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")}


def _plain(value: Any) -> Outcome:
    if isinstance(value, Tensor):
        numbers = value.detach().double().flatten()[:MOST_NUMBERS].tolist()
        return {"tensor": {"shape": list(value.shape), "dtype": str(value.dtype)[6:], "numbers": numbers}}
    if isinstance(value, bytes):
        return {"bytes": value[:MOST_ITEMS].hex()}
    if isinstance(value, dict):
        return {"dict": [[_plain(key), _plain(value[key])] for key in list(value)[:MOST_ITEMS]]}
    if isinstance(value, Iterator):
        return {"iterator": [_plain(item) for item, _ in zip(value, range(MOST_ITEMS), strict=False)]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_plain(item) for item in value[:MOST_ITEMS]]}
    if value is None or type(value) in (bool, int, float, str):
        return value
    return {"type": type(value).__name__}
