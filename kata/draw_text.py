"""Pictures for a terminal: never wider than it is, and readable without colour."""

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from kata.draw_html import BETWEEN_WORDS, VISIBLE, short
from kata.pictures import HeatMap, Picture, Strip, TokensOverText, WindowsOverStream

MARK = "!"
SHADES = " \u2591\u2592\u2593\u2588"
LONGEST_LABEL = 12
NUMBER = 4


def draw(picture: Picture, width: int) -> Text:
    """The picture without its title and caption, in lines of at most `width` columns. Wrong places carry a `!`."""
    match picture:
        case TokensOverText():
            return _tokens(picture, width)
        case WindowsOverStream():
            return _windows(picture, width)
        case HeatMap():
            return _heat_map(picture, width)


def _tokens(picture: TokensOverText, width: int) -> Text:
    """Tokens between bars, each with its id below; what lies between tokens stands outside of the bars."""
    lines, above, below = Text(), Text(), Text()
    before = False  # whether what stands before is a token, whose bar is still open
    for index, token in enumerate(picture.tokens):
        mark = MARK if index in picture.marks else ""
        id = f"{mark}{token.id}" if token.id is not None else mark * bool(token.text.strip())
        text = _visible(token.text) if token.id is not None or token.text.strip() else " "
        text = set_cell_size(text, min(max(cell_len(text), cell_len(id)), max(4, width - 2)))
        if above.cell_len + cell_len(text) + 2 > width:
            lines = _ended(lines, above, below, before)
            above, below, before = Text(), Text(), False
        bar = "\u2502" if before or token.id is not None else ""
        above.append(bar, "dim").append(text, "red" if mark else "")
        below.append(" " * len(bar)).append(set_cell_size(id, cell_len(text)), "red" if mark else "dim")
        before = token.id is not None
    return _ended(lines, above, below, before)


def _ended(lines: Text, above: Text, below: Text, open: bool) -> Text:
    if open:
        above.append("\u2502", "dim")
    return Text("\n").join(part for part in (lines, above, below) if part)


def _windows(picture: WindowsOverStream, width: int) -> Text:
    strips = [Strip("stream", 0, picture.stream), *picture.windows]
    texts = [(strip.label, _by_place(strip), strip.marks) for strip in strips]
    first = max(cell_len(label) for label, _, _ in texts)
    places = max(max(cells, default=0) for _, cells, _ in texts) + 1
    widths = [max([1, *(cell_len(cells.get(place, "")) for _, cells, _ in texts)]) for place in range(places)]
    fit = _how_many(widths, width - first - 3)
    lines = []
    for label, cells, marks in texts:
        line = Text(set_cell_size(label, first) + " ", "bold" if label == "stream" else "")
        for place in range(fit):
            edge = place in cells or place - 1 in cells
            line.append("\u2502" if edge else " ", "dim")
            line.append(set_cell_size(cells.get(place, ""), widths[place]), "red" if marks else "")
        line.append("\u2026" if fit < places else "\u2502" if fit - 1 in cells else "", "dim")
        lines.append(line)
    return Text("\n").join(lines)


def _by_place(strip: Strip) -> dict[int, str]:
    labels = (MARK * (index in strip.marks) + _short_label(cell) for index, cell in enumerate(strip.cells))
    return {strip.start + index: label for index, label in enumerate(labels)}


def _heat_map(picture: HeatMap, width: int) -> Text:
    """Numbers, each with a shade that grows with its size; columns go by number where their labels are long."""
    largest = max((abs(number) for row in picture.values for number in row if abs(number) < float("inf")), default=0.0)
    by_number = any(cell_len(_visible(column)) > NUMBER for column in picture.columns)
    labels = [_short_label(row) for row in picture.rows]
    if by_number:
        labels = [f"{index:2} {label}" for index, label in enumerate(labels)]
    first = max(map(cell_len, labels), default=0) + 1
    cell = NUMBER + 1
    fit = min(len(picture.columns), max(1, (width - first - 1) // cell))
    heads = [str(place) if by_number else _visible(column) for place, column in enumerate(picture.columns)]
    head = Text(" " * first).append("".join(f"{text:>{NUMBER}} " for text in heads[:fit]), "dim")
    lines = [head.append("\u2026" if fit < len(heads) else "")]
    for row, label in enumerate(labels):
        line = Text(set_cell_size(label, first))
        for column, number in enumerate(picture.values[row][:fit]):
            marked = (row, column) in picture.marks
            share = abs(number) / largest if largest and abs(number) < float("inf") else 0.0
            shade = MARK if marked else SHADES[min(len(SHADES) - 1, round(share * (len(SHADES) - 1) + 0.4))]
            line.append(f"{short(number) or '.':>{NUMBER}}", "red" if marked else "dim" if share < 0.1 else "")
            line.append(shade, "red" if marked else "dim")
        lines.append(line)
    return Text("\n").join(lines)


def _how_many(widths: list[int], room: int) -> int:
    """How many columns of these widths fit, each with a bar before it."""
    taken = 0
    for place, width in enumerate(widths):
        taken += width + 1
        if taken > room:
            return place
    return len(widths)


def _short_label(text: str) -> str:
    visible = " ".join(map(_visible, BETWEEN_WORDS.split(text)))
    return visible if cell_len(visible) <= LONGEST_LABEL else f"{visible[: LONGEST_LABEL - 1]}\u2026"


def _visible(text: str) -> str:
    """Text with its whitespace to be seen, and without characters that would make a terminal do things."""
    shown = (VISIBLE.get(character, character) for character in text)
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown)
