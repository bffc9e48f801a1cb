"""Probes: a few fixed calls of an exercise's code, and what comes of them as plain data that can be compared.

A law file may define `probe(submission)`, which returns a list of calls without arguments. What the calls return tells
one misconception from another, so between them they should touch everything that the exercise's misconceptions change.
"""

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from kata.laws import draw, verbs
from kata.laws.verbs import Submission

Call = Callable[[], Any]
Outcome = Any
"""What one call did: JSON data. A tensor, an error and a container are dictionaries with one key that says which."""

UNWRITTEN: Outcome = {"unwritten": True}
MOST_NUMBERS = 2000
MOST_ITEMS = 2000
TOLERANCE = {"float64": 1e-8}


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


def same(a: Outcome, b: Outcome) -> bool:
    """Whether two outcomes are alike: numbers up to rounding, NaN like NaN, all else exactly."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        if "tensor" in a and "tensor" in b:
            return _same_tensors(a["tensor"], b["tensor"])
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return math.isclose(a, b, rel_tol=1e-8, abs_tol=1e-8) or (math.isnan(a) and math.isnan(b))
    return bool(a == b)


def _outcome(call: Call) -> Outcome:
    torch.default_generator.manual_seed(0)
    try:
        return _plain(call())
    except NotImplementedError:
        return UNWRITTEN
    except Exception as error:
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


def _same_tensors(a: dict[str, Any], b: dict[str, Any]) -> bool:
    if (a["shape"], a["dtype"]) != (b["shape"], b["dtype"]) or len(a["numbers"]) != len(b["numbers"]):
        return False
    finite = [abs(number) for number in b["numbers"] if math.isfinite(number)]
    limit = TOLERANCE.get(b["dtype"], 1e-4) * max(1.0, *finite, 1.0)
    return all(
        x == y or abs(x - y) <= limit or (math.isnan(x) and math.isnan(y))
        for x, y in zip(a["numbers"], b["numbers"], strict=True)
    )
