"""Small matrices as text: a few lines that say at a glance which cells are wrong. Brackets mark them, not colour."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

WIDTH = 76
HEIGHT = 12
MOST = 6
"""Rows and columns of a matrix whose numbers are shown; larger ones are drawn in shades."""
SHOWN_IN_A_SENTENCE = 4
"""Lists of fewer items than that need no picture."""
SHADES = " ░▒▓█"


def beside(
    got: Tensor, wanted: Tensor, off: Tensor, axes: Sequence[str], worst: Sequence[int], title: str = "you returned"
) -> str | None:
    """What there is, under this `title`, what should be, and the difference, side by side as far as there is room.

    Of tensors with more than two dimensions, the matrix that holds the place `worst`. None where there is no matrix, or
    too large a one. Cells where `off` is true stand in brackets.
    """
    if got.dim() == 0 or got.numel() < 2 or got.is_complex():
        return None
    here = tuple(worst[:-2])
    where = ", ".join(f"{axis} {index}" for axis, index in zip(axes, here, strict=False))
    got, wanted, off = (tensor[here] if here else tensor for tensor in (got, wanted, off))
    if got.dim() == 1:
        got, wanted, off, axes = got[None], wanted[None], off[None], ("", axes[-1])
    if max(got.shape) > MOST:
        return None
    rows, columns = axes[-2:]
    nothing = off & False
    apart = (got.double() - wanted.double()).where(off, 0.0)  # what rounding does is no difference
    panels = [
        _panel(title, _numbers(got), off),
        _panel("it should be", _numbers(wanted), nothing),
        _panel("difference", _numbers(apart), nothing),
    ]
    counts = (3, 2) if got.is_floating_point() else (2,)  # how far apart two ids are says nothing
    label = [f"{rows} {row}" if rows else "" for row in range(len(got))]
    label = [where, columns, *label]
    width = max(map(len, label))
    for count in counts:
        lines = [
            f"{name:>{width}}  " + "   ".join(panel[row] for panel in panels[:count]) for row, name in enumerate(label)
        ]
        if max(map(len, lines)) <= WIDTH and len(lines) < HEIGHT:
            return "\n".join(line.rstrip() for line in lines)
    return None


def matrix(values: Tensor, wrong: Tensor, rows: str, columns: str, what: str) -> str | None:
    """One matrix with its rows and columns named, cells where `wrong` is true in brackets.

    Numbers while there are few, else shades of the largest. None where it is too large for either.
    """
    if values.dim() != 2 or not values.numel():
        return None
    if max(values.shape) <= MOST:
        cells = _numbers(values)
    else:
        top = values.abs().max().item() or 1.0
        cells = [
            [SHADES[min(4, round(4 * abs(v) / top + 0.49))] if v == v else "?" for v in r] for r in values.tolist()
        ]
    panel = _panel(None, cells, wrong)
    label = [f"{rows} {row}" for row in range(len(values))]
    width = max(len(columns), *map(len, label))
    lines = [f"{name:>{width}}  {row}" for name, row in zip([columns, *label], panel, strict=True)]
    lines = [what, *(line.rstrip() for line in lines)]
    return "\n".join(lines) if len(lines) <= HEIGHT and max(map(len, lines)) <= WIDTH else None


def in_places(got: Any, wanted: Any) -> str | None:
    """Two lists one below the other, place by place, the first place where they differ in brackets; or two texts.

    None for anything else, for short ones that the sentence shows well enough, and where there is too little room.
    """
    if isinstance(wanted, str) and isinstance(got, str):
        first = next(
            (i for i, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), min(len(got), len(wanted))
        )
        lines = [f"it should be  {wanted!r}", f"you returned  {got!r}"]
        before = len(repr(got[:first])) - 1 if repr(got)[0] == repr(got[:first])[0] else -1
        lines.append(" " * (14 + before) + "^ from here on they differ")
        return "\n".join(lines) if before > 0 and max(map(len, lines)) <= WIDTH else None
    if not isinstance(wanted, list) or not isinstance(got, list) or max(len(got), len(wanted)) < SHOWN_IN_A_SENTENCE:
        return None
    first = next((i for i, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), min(len(got), len(wanted)))
    cells = [[repr(item) for item in items] for items in (wanted, got)]
    count = max(map(len, cells))
    places = [str(place) for place in range(count)]
    rows = []
    for name, row in (("place", places), ("it should be", cells[0]), ("you returned", cells[1])):
        line = f"{name:<12} "
        for place in range(count):
            column = [items[place] for items in (places, *cells) if place < len(items)]
            width, is_text = max(map(len, column)) + 2, column[-1][:1] in ("'", '"', "b")
            cell = row[place] if place < len(row) else ""
            cell = f"[{cell}]" if place == first and row is cells[1] else f" {cell} "
            line += cell.ljust(width) if is_text else cell.rjust(width)
        rows.append(line.rstrip())
    return "\n".join(rows) if max(map(len, rows)) <= WIDTH else None


def over_stream(stream: Sequence[Any], *windows: tuple[str, int, Sequence[Any]]) -> str | None:
    """A stream of tokens, and below it windows, (name, start, tokens), each where it starts in the stream.

    Tokens of a window that are not those of the stream there stand in brackets. None where there is too little room.
    """
    rows = [("text", 0, stream), *windows]
    end = max(start + len(items) for _, start, items in windows) + 1
    count = min(len(stream), end) if len(stream) > MOST * 2 else len(stream)
    cells = [{start + i: str(item) for i, item in enumerate(items)} for _, start, items in rows]
    count = max(count, end - 1)
    lines = []
    for (name, _, _), row in zip(rows, cells, strict=True):
        line = f"{name:<12} "
        for place in range(count):
            cell = row.get(place, "").rjust(max(len(other.get(place, "")) for other in cells))
            wrong = bool(cell.strip()) and row.get(place) != cells[0].get(place)
            line += f"[{cell}]" if wrong else f" {cell} "
        lines.append(line.rstrip() + (" ..." if row is cells[0] and count < len(stream) else ""))
    return "\n".join(lines) if max(map(len, lines)) <= WIDTH else None


def _panel(title: str | None, cells: list[list[str]], marked: Tensor) -> list[str]:
    """The lines of one matrix, all of one width: its title, the numbers of its columns, its rows."""
    width = max(len(cell) for row in cells for cell in row)
    numbers = "".join(f" {index:>{width}} " for index in range(len(cells[0])))
    lines = [] if title is None else [title]
    lines.append(numbers)
    for row, marks in zip(cells, marked.tolist(), strict=True):
        lines.append(
            "".join(f"[{c:>{width}}]" if mark else f" {c:>{width}} " for c, mark in zip(row, marks, strict=True))
        )
    longest = max(map(len, lines))
    return [line.ljust(longest) for line in lines]


def _numbers(values: Tensor) -> list[list[str]]:
    if not values.is_floating_point():
        return [[str(value) for value in row] for row in values.tolist()]
    return [[_short(value) for value in row] for row in values.tolist()]


def _short(value: float) -> str:
    if value == 0 or abs(value) >= 1000:
        return f"{value:.3g}".replace("e+0", "e")
    return f"{value:.2f}" if abs(value) >= 0.01 else f"{value:.0e}".replace("e-0", "e-")
