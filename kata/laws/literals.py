"""Values and statements as Python text: literals, drawn tensors, parts of tensors, lines broken where they may be."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from kata.laws.calls import Draw

WIDTH = 76
LONGEST_VALUE = 400
LONGEST_LITERAL = WIDTH - 24
PLAIN = (str, bytes, int, float, bool, type(None))


def called(before: str, arguments: list[str], after: str = ")") -> str:
    """A call."""
    return f"{before}{', '.join(arguments)}{after}"


def imported(module: str, names: list[str]) -> str:
    """The statement that imports these names, over as many lines as it needs."""
    line = f"from {module} import {', '.join(names)}"
    return line if len(line) <= WIDTH else filled(f"from {module} import ({', '.join(names)})")


def filled(line: str) -> str:
    """A statement over as many lines as it needs, broken at spaces between brackets, never within a text."""
    lines, begin, last = [], 0, 0
    for place in (*_breaks(line), len(line)):
        indent = 4 if begin else 0
        if indent + place - begin > WIDTH and last > begin:
            lines.append(" " * indent + line[begin:last])
            begin = last + (line[last] == " ")
        last = place
    lines.append((" " * 4 if begin else "") + line[begin:])
    return "\n".join(lines)


def _breaks(line: str) -> Iterator[int]:
    """Where a line may go on in the next: behind the first bracket, and at spaces between brackets, not in texts."""
    if line.startswith("#"):
        return
    depth, quote, place = 0, "", 0
    while place < len(line):
        character = line[place]
        if depth == 1 and not quote and line[place - 1] == "(":
            yield place
        if quote:
            place += character == "\\"
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == " " and depth:
            yield place
        depth += (character in "([{") - (character in ")]}") if not quote else 0
        place += 1


def numbers_of(drawn: Draw) -> Tensor:
    """The tensor that was drawn."""
    generator = torch.Generator().manual_seed(drawn.seed)
    if drawn.high is not None:
        return torch.randint(drawn.high, drawn.shape, generator=generator)
    return torch.randn(drawn.shape, generator=generator, dtype=torch.float64)


def drawing(drawn: Draw, value: Tensor) -> str | None:
    """The expression that draws exactly this tensor; None where it comes out otherwise."""
    if not torch.equal(numbers_of(drawn).to(value.dtype), value):
        return None
    shape = ", ".join(map(str, drawn.shape))
    seed = f"generator=torch.manual_seed({drawn.seed})"  # the same numbers as from a generator of its own
    if drawn.high is not None:
        return called("torch.randint(", [str(drawn.high), f"({shape},)", seed])
    to = "" if value.dtype == torch.float64 else f".to({value.dtype})"
    return called("torch.randn(", [shape, "dtype=torch.float64", seed], f"){to}")


def regular(value: Tensor) -> str | None:
    """The expression for a tensor of equal numbers, or of evenly spaced ones; None where it is neither."""
    if not value.is_floating_point() or not value.numel() or not bool(torch.isfinite(value).all()):
        return None
    first, last = value.flatten()[0].item(), value.flatten()[-1].item()
    if bool((value == first).all()):
        return called("torch.full(", [str(tuple(value.shape)), f"{first:g}", f"dtype={value.dtype}"])
    if value.dim() == 1 and torch.equal(value, torch.linspace(first, last, len(value), dtype=value.dtype)):
        return called("torch.linspace(", [f"{first:g}", f"{last:g}", str(len(value)), f"dtype={value.dtype}"])
    return None


def scaled(draws: Iterable[Draw], value: Tensor) -> str | None:
    """The expression for a tensor that is a drawn one, times a number, plus a number; a few digits of each."""
    if not value.is_floating_point() or value.numel() < 3:
        return None
    for drawn in draws:
        if drawn.high is not None or drawn.shape != tuple(value.shape):
            continue
        whole, wanted = numbers_of(drawn).flatten(), value.double().flatten()
        factor = ((wanted[1] - wanted[0]) / (whole[1] - whole[0])).item()
        offset = (wanted[0] - factor * whole[0]).item()
        factor, offset = float(f"{factor:.4g}"), float(f"{offset:.4g}") if abs(offset) > 1e-6 * abs(factor) else 0.0
        made = factor * whole + offset
        if factor and torch.allclose(made, wanted, rtol=1e-3, atol=1e-3 * abs(factor)):
            exact = drawing(drawn, numbers_of(drawn).to(value.dtype))
            plus = f" {'-' if offset < 0 else '+'} {abs(offset):g}" if offset else ""
            return f"{factor:g} * {exact}{plus}"
    return None


def permuted(value: Tensor) -> list[int] | None:
    """The order of its axes in which a tensor lies in memory, where that is not their own; None where it is."""
    strides = value.stride()
    order = sorted(range(value.dim()), key=lambda axis: -strides[axis])
    lies = not value.is_contiguous() and value.permute(order).is_contiguous()
    return order if lies else None


def random(value: Tensor) -> str:
    """The expression for random numbers that lie in memory as those of a tensor do."""
    order = permuted(value) or list(range(value.dim()))
    shape = ", ".join(str(value.shape[axis]) for axis in order) or "()"
    dtype = "" if value.dtype == torch.float32 else f", dtype={value.dtype}"
    back = ", ".join(str(order.index(axis)) for axis in range(value.dim()))
    return f"torch.randn({shape}{dtype})" + (f".permute({back})" if permuted(value) else "")


def derived(name: str, whole: Tensor, value: Tensor) -> str | None:
    """The expression that makes one tensor of another, if it is one of the usual ones."""
    return next(
        (text for text, part in _parts(name, whole, value) if part.shape == value.shape and torch.equal(part, value)),
        None,
    )


def _parts(name: str, whole: Tensor, value: Tensor) -> Iterator[tuple[str, Tensor]]:
    whole = whole.to(value.dtype)
    yield name, whole
    yield f"{name}[None]", whole[None]
    if whole.dim() < 2:
        return
    for index in range(whole.shape[0]):
        yield f"{name}[{index}]", whole[index]
        yield f"{name}[{index}:{index + 1}]", whole[index : index + 1]
    if value.dim() >= 2:
        length = value.shape[-2]
        yield f"{name}[..., :{length}, :]", whole[..., :length, :]
        if value.shape == whole.shape:
            rows = whole.movedim(-2, 0).reshape(length, -1), value.movedim(-2, 0).reshape(length, -1)
            order = [next((i for i, row in enumerate(rows[0]) if torch.equal(row, new)), 0) for new in rows[1]]
            yield f"{name}[..., {order}, :]", whole[..., order, :]


def is_plain(value: Any, depth: int = 4) -> bool:
    """Whether a value is nothing but numbers, texts and containers of them, and not many."""
    if type(value) in PLAIN or isinstance(value, torch.dtype):
        return True
    if depth and type(value) in (list, tuple):
        return len(value) <= LONGEST_VALUE and all(is_plain(item, depth - 1) for item in value)
    if depth and type(value) is dict:
        return len(value) <= LONGEST_VALUE and all(is_plain(k, 0) and is_plain(v, depth - 1) for k, v in value.items())
    return depth > 0 and isinstance(value, type(iter([]))) and is_plain(remaining(value), depth - 1)


def remaining(value: Any) -> list[Any]:
    """What a list's iterator still has to give; it is left as it is."""
    _, (items, *_), *place = value.__reduce__()
    return list(items)[place[0] if place else 0 :]


def in_pieces(value: str | bytes) -> str:
    """A long text as several, between which a line may be broken: Python joins them again."""
    pieces, start = [], 0
    while start < len(value):
        end = start + 1
        while end < len(value) and len(repr(value[start : end + 1])) <= LONGEST_LITERAL:
            end += 1
        pieces.append(repr(value[start:end]))
        start = end
    return " ".join(pieces)


def literal(value: Any) -> str:
    """A plain value as Python text."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    return f"iter({remaining(value)!r})" if isinstance(value, type(iter([]))) else repr(value)


def written(value: Any) -> str:
    """The numbers of a tensor, with a few digits."""
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, float):
        text = repr(float(f"{value:.4g}"))
        return text.replace("inf", "torch.inf").replace("nan", "torch.nan")
    return repr(value)


def in_words(value: Any) -> str:
    """What something is that is too large to be written down."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}, {str(value.dtype).removeprefix('torch.')}"
    kind = type(value)
    if isinstance(value, str | bytes):
        return f"{len(value):,} {'characters' if isinstance(value, str) else 'bytes'} that begin with {value[:24]!r}"
    if kind in (list, tuple, dict):
        return f"a {kind.__name__} of {len(value):,}"
    about = (kind.__doc__ or "").strip().splitlines() if kind.__module__ not in ("builtins", "torch") else []
    return about[0] if about and len(about[0]) <= WIDTH else f"an object of type {kind.__name__}"
