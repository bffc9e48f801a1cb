"""Comparisons that fail with a sentence a learner can use: what differed, where, by how much.

Everything compared is first turned into plain tensors and plain Python objects, so that an `__eq__` that a
submission defines is never asked.
"""

import dis
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from kata.laws import pictures

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.bfloat16: 6e-2, torch.float16: 1e-2}
"""How far apart two numbers may be, relative to the larger magnitude around (at least 1)."""
SINGULAR = {
    "tokens": "token",
    "d_out": "feature",
    "emb_dim": "feature",
    "max_length": "token",
    "vocab": "token",
    "vocab_size": "logit",
}
"""What stands at one place of an axis that is named after its size."""


RETURNED = "you returned"


class LawBroken(AssertionError):
    """A law does not hold; the message is what the learner reads.

    `place` is the `file:line` that broke it, if known; `picture` a few lines of text that show it, where they help.
    """

    place: str | None = None
    picture: str | None = None


class MissingName(LawBroken, AttributeError):
    """The learner's module or object lacks a name that the contract promises."""


def is_unwritten(error: BaseException) -> bool:
    """Whether this is what a stub raises. PyTorch has NotImplementedErrors of its own: a ModuleList that is called."""
    innermost = error.__traceback__
    if not isinstance(error, NotImplementedError) or innermost is None:
        return isinstance(error, NotImplementedError)
    while innermost.tb_next is not None:
        innermost = innermost.tb_next
    # Not one that an operator written in C raises, either.
    by_statement = innermost.tb_frame.f_code.co_code[innermost.tb_lasti] == dis.opmap["RAISE_VARARGS"]
    return by_statement and str(innermost.tb_frame.f_globals.get("__name__")).partition(".")[0] != "torch"


def broken(message: str, picture: str | None = None) -> NoReturn:
    """Says that the law does not hold, with a picture where one helps."""
    error = LawBroken(message)
    error.picture = picture
    raise error


def holds(condition: bool, message: str) -> None:
    """The law holds if the condition does."""
    if not condition:
        broken(message)


def tensor(value: Any, axes: Mapping[str, int], dtype: torch.dtype | None = None, what: str = "the result") -> Tensor:
    """Checks that `value` is a tensor with these named axes, in this dtype, without NaN or infinity; returns it.

    >>> tensor(torch.zeros(2, 4), {"batch": 2, "tokens": 3})
    Traceback (most recent call last):
    ...
    kata.laws.checks.LawBroken: The shape of the result should be (batch 2, tokens 3), but you returned (2, 4).
    """
    plain = _plain_tensor(value, what)
    wanted = ", ".join(f"{name} {size}" for name, size in axes.items())
    if tuple(plain.shape) != tuple(axes.values()):
        it_is = "it is" if re.fullmatch(r"[\w.]+\.\w+", what) else "you returned"
        broken(f"The shape of {what} should be ({wanted}), but {it_is} {tuple(plain.shape) or '(), one number'}.")
    if dtype is not None and plain.dtype != dtype:
        broken(f"The dtype of {what} should be {_name(dtype)}, but you returned {_name(plain.dtype)}.")
    if plain.is_floating_point() and not bool(torch.isfinite(plain).all()):
        if plain.numel() == 1:
            broken(f"{_upper(what)} should be a finite number, but is {plain.item()}.")
        where = _position((~torch.isfinite(plain)).nonzero()[0].tolist(), list(axes))
        bad = int((~torch.isfinite(plain)).sum())
        broken(f"{_upper(what)} holds NaN or infinity in {bad} of {plain.numel()} places, first at {where}.")
    return plain


def same(
    actual: Any,
    expected: Tensor,
    axes: Sequence[str],
    what: str = "the result",
    tolerance: float | None = None,
    got: str = RETURNED,
) -> None:
    """Checks that a tensor equals another: same shape, same dtype, every number within the tolerance.

    `axes` names the dimensions of both. The tolerance, by default the dtype's, is relative to the largest number of
    `expected`, and at least absolute. What was not returned, such as a parameter, is `got` in another way: "it is".

    >>> same(torch.tensor([0.0, 2.0]), torch.tensor([0.0, 1.0]), ["feature"])
    Traceback (most recent call last):
    ...
    kata.laws.checks.LawBroken: At feature 1, the result should be 1, but you returned 2 (1 of 2 numbers differ).
    """
    actual = tensor(actual, dict(zip(axes, expected.shape, strict=True)), expected.dtype, what)
    if not expected.is_floating_point():
        off = actual != expected
    else:
        limit = TOLERANCE[expected.dtype] if tolerance is None else tolerance
        scale = max(1.0, expected.abs().max().item()) if expected.numel() else 1.0
        off = (actual.detach().double() - expected.detach().double()).abs() > limit * scale
    if bool(off.any()):
        distance = (actual.detach().double() - expected.detach().double()).abs()
        where = _unravel(int(distance.argmax()), expected.shape)
        found, want = _number(actual[tuple(where)]), _number(expected[tuple(where)])
        if found == want:  # alike in the digits shown: show all of them
            found, want = str(actual[tuple(where)].item()), str(expected[tuple(where)].item())
        place = f"At {_position(where, axes)}, {what}" if where else _upper(what)
        count = f" ({int(off.sum())} of {off.numel()} numbers differ)" if off.numel() > 1 else ""
        picture = pictures.beside(actual.detach(), expected.detach(), off, list(axes), where, got)
        broken(f"{place} should be {want}, but {got} {found}{count}.", picture)


def equal(actual: Any, expected: Any, what: str = "the result", got: str = RETURNED) -> None:
    """Checks that plain data (numbers, strings, lists, tuples, dicts of them) is equal, types included.

    What was not returned, such as an argument afterwards, is `got` in another way: "it is".

    >>> equal([1, 2, 4], [1, 2, 3], "the ids")
    Traceback (most recent call last):
    ...
    kata.laws.checks.LawBroken: The ids should be [1, 2, 3], but you returned [1, 2, 4] (different from place 2 on).
    """
    if type(actual) is not type(expected):
        broken(f"{_upper(what)} should be of type {type(expected).__name__}, but {got} {describe(actual)}.")
    if not _plain_equal(actual, expected):
        hint = ""
        if isinstance(expected, list | tuple | str | bytes):
            pairs = list(zip(actual, expected, strict=False))
            first = next((i for i, (a, e) in enumerate(pairs) if not _plain_equal(a, e)), len(pairs))
            hint = f" (different from place {first} on)" if len(expected) > 1 else ""
        picture = pictures.in_places(actual, expected) if got == RETURNED else None
        broken(f"{_upper(what)} should be {shorten(expected)}, but {got} {shorten(actual)}{hint}.", picture)


def refuses(call: Callable[[], Any], given: str, naming: Sequence[object] = ()) -> None:
    """Checks that a call raises ValueError, with every string or number of `naming` in the message.

    `given` completes the sentence "... should be refused".
    """
    raises(ValueError, call, given, naming)


def raises(error: type[Exception], call: Callable[[], Any], given: str, naming: Sequence[object] = ()) -> None:
    """Checks that a call raises exactly this kind of error (or a subclass), and what its message names."""
    try:
        result = call()
    except error as raised:
        if is_unwritten(raised):
            raise
        missing = [str(name) for name in naming if str(name) not in str(raised)]
        if missing:
            broken(
                f"{_upper(given)} is refused, as it should be, but the message {shorten(str(raised))} does not name "
                f"{' and '.join(missing)}. Say what was given and what is allowed."
            )
        return
    except LawBroken:
        raise
    except Exception as other:
        if is_unwritten(other):
            raise
        said = f"{type(other).__name__}: {shorten(str(other))}"
        raise LawBroken(f"{_upper(given)} should raise {error.__name__}, but your code raised {said}.") from other
    broken(f"{_upper(given)} should raise {error.__name__}, but you returned {describe(result)}.")


def describe(value: Any) -> str:
    """A value in a few words: its type, and the value where that is short."""
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, list | tuple) and any(isinstance(item, nn.Module) for item in value):
        kinds = sorted({type(item).__name__ for item in value})
        return f"a {type(value).__name__} of {len(value)} ({', '.join(kinds)})"
    said, kind = shorten(value), type(value).__name__
    # The usual repr of an object of some class says its type already, and so does that of a module.
    if said == f"<{kind} object>":
        return f"an object of type {kind}"
    return said if said.startswith(f"{kind}(") else f"the {kind} {said}"


def shorten(value: Any, limit: int = 160) -> str:
    """The repr, cut in the middle."""
    text = re.sub(r"<(?:[\w.]*\.)?(\w+) object at 0x\w+>", r"<\1 object>", repr(value))
    return text if len(text) <= limit else f"{text[: limit // 2]} ... {text[-limit // 2 :]}"


def _plain_tensor(value: Any, what: str) -> Tensor:
    if not isinstance(value, Tensor):
        hint = " (is a `return` missing?)" if value is None else ""
        broken(f"{_upper(what)} should be a tensor, but you returned {describe(value)}{hint}.")
    with torch._C.DisableTorchFunctionSubclass():  # a subclass must not answer for itself
        plain: Tensor = value.as_subclass(Tensor)
    return plain


def _plain_equal(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_plain_equal, a, b))
    if isinstance(b, dict):
        return a.keys() == b.keys() and all(_plain_equal(a[key], b[key]) for key in b)
    if isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return bool(a == b)


def _unravel(index: int, shape: Sequence[int]) -> list[int]:
    where = []
    for size in reversed(shape):
        index, remainder = divmod(index, size)
        where.append(remainder)
    return where[::-1]


def _position(where: Sequence[int], axes: Sequence[str]) -> str:
    names = (SINGULAR.get(name, name) for name in axes)
    return ", ".join(f"{name} {index}" for name, index in zip(names, where, strict=True)) or "its only place"


def _number(value: Tensor) -> str:
    return f"{value.item():.6g}" if value.is_floating_point() else str(value.item())


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _upper(text: str) -> str:
    """The beginning of a sentence; names of Python's stay as they are."""
    is_a_name = re.match(r"\w+[(._[=]", text) is not None
    return text if is_a_name else text[:1].upper() + text[1:]
