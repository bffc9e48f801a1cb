"""Sets a picture beside the right one: marks what differs, and says it in a sentence."""

from dataclasses import replace

from kata.pictures import HeatMap, Picture, Strip, Token, TokensOverText, WindowsOverStream

ROUNDING = 1e-6
"""How far apart two numbers of a heat map may be, relative to its largest."""


def marked(picture: Picture, right: Picture) -> Picture:
    """The picture, with marks wherever it is not as the right one is; numbers may differ by rounding."""
    match picture, right:
        case TokensOverText(), TokensOverText():
            return replace(picture, marks=_tokens_off(picture.tokens, right.tokens))
        case WindowsOverStream(), WindowsOverStream():
            there = {strip.label: strip for strip in right.windows}
            strips = (replace(s, marks=_cells_off(s, there.get(s.label))) for s in picture.windows)
            return replace(picture, windows=tuple(strips))
        case HeatMap(), HeatMap():
            limit = ROUNDING * max((abs(number) for row in right.values for number in row), default=1.0)
            return replace(picture, marks=tuple(_numbers_off(picture.values, right.values, limit)))
    return picture


def difference(picture: Picture, right: Picture) -> str | None:
    """How a marked picture differs from the right one, as a sentence with numbers; None where it does not."""
    match picture, right:
        case TokensOverText(), TokensOverText():
            tokens, wanted = _count(picture.tokens), _count(right.tokens)
            if picture.marks:
                return (
                    f"{len(picture.marks)} of the {tokens} tokens are not those of the reference, which has {wanted}."
                )
            return None if tokens == wanted else f"There are {tokens} tokens; the reference has {wanted}."
        case WindowsOverStream(), WindowsOverStream():
            off = [strip.label for strip in picture.windows if strip.marks]
            strips, wanted = len(picture.windows), len(right.windows)
            if off:
                return f"{len(off)} of the {strips} rows are not as they should be, first {off[0]}."
            return (
                None if strips == wanted else f"There are {strips} rows below the stream; the reference has {wanted}."
            )
        case HeatMap(), HeatMap():
            return _furthest(picture, right) if picture.marks else None
    return "It is another kind of picture than the reference's."


def _furthest(picture: HeatMap, right: HeatMap) -> str:
    def distance(mark: tuple[int, int]) -> float:
        row, column = mark
        return abs(picture.values[row][column] - right.values[row][column])

    row, column = max(picture.marks, key=distance)
    total = sum(map(len, picture.values))
    return (
        f"{len(picture.marks)} of {total} numbers differ from the reference's, most in row {row} "
        f"({picture.rows[row].strip()}), column {column} ({picture.columns[column].strip()}): "
        f"yours is {picture.values[row][column]:.3g}, the reference's {right.values[row][column]:.3g}."
    )


def _count(tokens: tuple[Token, ...]) -> int:
    return sum(token.id is not None for token in tokens)


def _tokens_off(tokens: tuple[Token, ...], right: tuple[Token, ...]) -> tuple[int, ...]:
    """Tokens that the right ones do not have at this place of the text."""

    def places(tokens: tuple[Token, ...]) -> list[tuple[int, Token]]:
        starts, end = [], 0
        for token in tokens:
            starts.append((end, token))
            end += len(token.text)
        return starts

    there = set(places(right))
    return tuple(index for index, place in enumerate(places(tokens)) if place not in there)


def _cells_off(strip: Strip, right: Strip | None) -> tuple[int, ...]:
    """All cells of a strip that was cut out at the wrong place, else those that are wrong."""
    there = right.cells if right is not None and right.start == strip.start else ()
    return tuple(i for i, cell in enumerate(strip.cells) if there[i : i + 1] != (cell,))


def _numbers_off(
    values: tuple[tuple[float, ...], ...], right: tuple[tuple[float, ...], ...], limit: float
) -> list[tuple[int, int]]:
    off = []
    for row, numbers in enumerate(values):
        for column, number in enumerate(numbers):
            inside = row < len(right) and column < len(right[row])
            if not inside or not (number == right[row][column] or abs(number - right[row][column]) <= limit):
                off.append((row, column))
    return off
