"""Pictures as plain data: what there is to see, not how it is drawn. `draw_html` and `draw_text` draw them.

Every picture has a title, a caption of a sentence or two, and marks: the places where something is wrong.
"""

from dataclasses import asdict, dataclass
from typing import Any

MOST_CELLS = 1500
"""Larger pictures are for nobody's eyes."""


class Undrawable(ValueError):
    """Something that is no picture, or too large for one; the message is a sentence that says so."""


@dataclass(frozen=True)
class Token:
    """A piece of text and its id; a piece without an id lies between tokens (whitespace, for instance)."""

    text: str
    id: int | None = None


@dataclass(frozen=True)
class TokensOverText:
    """A text, cut into tokens. `marks` are the places, in `tokens`, that are wrong."""

    title: str
    caption: str
    tokens: tuple[Token, ...]
    marks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Strip:
    """A row of cells over a stream, the first one over place `start`; `marks` count from the strip's own first cell."""

    label: str
    start: int
    cells: tuple[str, ...]
    marks: tuple[int, ...] = ()


@dataclass(frozen=True)
class WindowsOverStream:
    """A stream of tokens, and strips that were cut out of it, each drawn below the place that it came from."""

    title: str
    caption: str
    stream: tuple[str, ...]
    windows: tuple[Strip, ...]


@dataclass(frozen=True)
class HeatMap:
    """A matrix of numbers, `values[row][column]`, with a label for each row and column; `marks` are (row, column)."""

    title: str
    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    marks: tuple[tuple[int, int], ...] = ()


Picture = TokensOverText | WindowsOverStream | HeatMap
KINDS: dict[str, type[Picture]] = {kind.__name__: kind for kind in (TokensOverText, WindowsOverStream, HeatMap)}


def over(text: str, tokens: list[Token]) -> tuple[Token, ...]:
    """The tokens, and between them, without an id, what of the text none of them covers.

    A token that does not come next in the text stands where the last one ended.

    >>> [token.text for token in over("to be", [Token("to", 1), Token("be", 0)])]
    ['to', ' ', 'be']
    """
    pieces: list[Token] = []
    end = 0
    for token in tokens:
        start = text.find(token.text, end)
        if start >= 0 and not text[end:start].strip():
            pieces += [Token(text[end:start])] if start > end else []
            end = start + len(token.text)
        pieces.append(token)
    return (*pieces, Token(text[end:])) if text[end:] else tuple(pieces)


def to_data(picture: Picture) -> dict[str, Any]:
    """A picture as JSON data."""
    return {"kind": type(picture).__name__} | asdict(picture)


def from_data(data: dict[str, Any]) -> Picture:
    """The picture again. Raises Undrawable, also for one that is too large."""
    try:
        fields = {name: _tuples(value) for name, value in data.items() if name != "kind"}
        if "tokens" in fields:
            fields["tokens"] = tuple(Token(**token) for token in data["tokens"])
        if "windows" in fields:
            strips = [{name: _tuples(value) for name, value in strip.items()} for strip in data["windows"]]
            fields["windows"] = tuple(Strip(**strip) for strip in strips)
        picture = KINDS[data["kind"]](**fields)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise Undrawable(f"This cannot be drawn: {error}.") from None
    if (cells := size(picture)) > MOST_CELLS:
        raise Undrawable(f"This is too much to draw: {cells:,} cells; up to {MOST_CELLS:,} are drawn.")
    return picture


def size(picture: Picture) -> int:
    """How many cells there are to draw."""
    match picture:
        case TokensOverText():
            return sum(1 + len(token.text) // 20 for token in picture.tokens)
        case WindowsOverStream():
            return len(picture.stream) + sum(strip.start + len(strip.cells) for strip in picture.windows)
        case HeatMap():
            return sum(map(len, picture.values))


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
