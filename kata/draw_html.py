"""Pictures as one self-contained HTML page: no script, no address, light or dark as the reader's system is."""

import re
from html import escape

from kata.look import Page, Panel
from kata.marking import difference
from kata.page_style import STYLE
from kata.pictures import HeatMap, Picture, Strip, TokensOverText, WindowsOverStream

VISIBLE = {" ": "\u00b7", "\n": "\u23ce", "\t": "\u21e5"}
LONGEST_LABEL = 16
BETWEEN_WORDS = re.compile(r"(?<=\S) (?=\S)")
"""The spaces of a label that need not be seen; those of a token stand at its ends."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A browser runs nothing and fetches nothing, whatever might have found its way onto the page."""


def page(seen: Page) -> str:
    """The whole page; it is well-formed XML as well."""
    printed = (
        f"<section><h2>What the code printed</h2><pre>{safe(seen.printed)}</pre></section>" if seen.printed else ""
    )
    panels = "\n".join(_panel(panel) for panel in seen.panels)
    body = f"""<header>
<h1>{safe(seen.title)} <code>{safe(seen.exercise)}</code></h1>
<p>What the code in <code>{safe(seen.tree)}</code> does with \u201c{safe(seen.sentence)}\u201d, in the tokens of GPT-2
unless a picture says otherwise. A dot \u00b7 in a token is a space.
A <span class="mark legend">frame like this</span> marks what is not as in the reference.</p>
</header>
{panels}
{printed}"""
    return document(seen.exercise, STYLE, body)


def document(title: str, style: str, body: str) -> str:
    """A page around a body that is well-formed already."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="{POLICY}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>{safe(title)}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def picture(drawn: Picture) -> str:
    """One picture, without its title and caption."""
    match drawn:
        case TokensOverText():
            return _tokens(drawn)
        case WindowsOverStream():
            return _windows(drawn)
        case HeatMap():
            return _heat_map(drawn)


def _panel(panel: Panel) -> str:
    if panel.says is not None:
        says = f'<p class="says">{safe(panel.says)}</p>'
        return "\n".join(
            _section(right, f"{says if index == 0 else ''}{_side('the reference', right)}", None)
            for index, right in enumerate(panel.reference)
        )
    pairs = zip(panel.yours, panel.reference, strict=True)
    return "\n".join(
        _section(right, _side("your code", own) + _side("the reference", right), difference(own, right) or "")
        for own, right in pairs
    )


def _section(right: Picture, sides: str, differs: str | None) -> str:
    """A title, a caption, how it differs (an empty text: not at all; None: nothing to compare), both sides."""
    note = ""
    if differs is not None:
        note = (
            f'<p class="differs">{safe(differs)}</p>' if differs else '<p class="same">The same as the reference.</p>'
        )
    return (
        f"<section><h2>{safe(right.title)}</h2><p>{safe(right.caption)}</p>{note}"
        f'<div class="sides">{sides}</div></section>'
    )


def _side(name: str, drawn: Picture) -> str:
    return f"<figure><figcaption>{name}</figcaption>{picture(drawn)}</figure>"


def _tokens(drawn: TokensOverText) -> str:
    pieces: list[str] = []
    colour = 0
    for index, token in enumerate(drawn.tokens):
        if token.id is None:
            text = safe(token.text) if token.text.strip() else " " * bool(token.text)
            pieces.append(f'<span class="between{" mark" * (index in drawn.marks and text != " ")}">{text}</span>')
            continue
        mark = " mark" * (index in drawn.marks)
        colour = 1 - colour
        pieces.append(f'<span class="token shade{colour}{mark}"><b>{_visible(token.text)}</b><i>{token.id}</i></span>')
    return f'<p class="tokens">{"<wbr/>".join(pieces)}</p>'


def _windows(drawn: WindowsOverStream) -> str:
    places = max([len(drawn.stream), *(strip.start + len(strip.cells) for strip in drawn.windows)])
    stream = "".join(f"<th>{_label(token)}</th>" for token in drawn.stream)
    rows = [f'<tr class="stream"><th>stream</th>{stream}{"<td></td>" * (places - len(drawn.stream))}</tr>']
    rows += [_strip(strip, places, index) for index, strip in enumerate(drawn.windows)]
    return f'<div class="scroll"><table class="windows">{"".join(rows)}</table></div>'


def _strip(strip: Strip, places: int, index: int) -> str:
    cells = "".join(
        f'<td class="token shade{index % 2}{" mark" * (place in strip.marks)}">{_label(cell)}</td>'
        for place, cell in enumerate(strip.cells)
    )
    after = places - strip.start - len(strip.cells)
    return f"<tr><th>{safe(strip.label)}</th>{'<td></td>' * strip.start}{cells}{'<td></td>' * after}</tr>"


def _heat_map(drawn: HeatMap) -> str:
    largest = max((abs(number) for row in drawn.values for number in row if abs(number) < float("inf")), default=0.0)
    head = "".join(f"<th><span>{_label(column)}</span></th>" for column in drawn.columns)
    rows = []
    for row, (label, numbers) in enumerate(zip(drawn.rows, drawn.values, strict=True)):
        cells = "".join(_cell(number, largest, (row, column) in drawn.marks) for column, number in enumerate(numbers))
        rows.append(f"<tr><th>{_label(label)}</th>{cells}</tr>")
    return f'<div class="scroll"><table class="heat"><tr><td></td>{head}</tr>{"".join(rows)}</table></div>'


def _cell(number: float, largest: float, marked: bool) -> str:
    # From these shares on, the other colour of text is easier to read: on paper that is light, and on dark.
    share = abs(number) / largest if largest and abs(number) < float("inf") else 0.0
    kinds = (
        ["below"] * (number < 0) + ["strong"] * (share > 0.78) + ["middle"] * (0.6 < share <= 0.78) + ["mark"] * marked
    )
    return f'<td class="{" ".join(kinds)}" style="--share:{share:.3f}" title="{number:.6g}">{short(number)}</td>'


def short(number: float) -> str:
    """A number in at most four characters, nothing for next to zero.

    >>> [short(x) for x in (0.134, 1.0, -0.35, 12.34, 0.001, 31234.0)]
    ['.13', '1', '-.35', '12', '', '3e4']
    """
    if number != number:
        return "nan"
    if abs(number) == float("inf"):
        return "-inf" if number < 0 else "inf"
    if abs(number) < 0.005:
        return ""
    if abs(number) >= 999.5:
        return f"{number:.0e}".replace("e+0", "e").replace("e+", "e")
    text = f"{number:.2f}" if abs(number) < 0.995 else f"{number:.1f}" if abs(number) < 9.95 else f"{number:.0f}"
    return text.replace("0.", ".", 1) if abs(number) < 0.995 else text.removesuffix(".0")


def _label(text: str) -> str:
    shown = text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}\u2026"
    return "&#160;".join(map(_visible, BETWEEN_WORDS.split(shown)))


def _visible(text: str) -> str:
    return safe("".join(VISIBLE.get(character, character) for character in text))


def safe(text: str) -> str:
    """Text as it may stand in a page: escaped, and without characters that no page may hold."""
    return escape("".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text))
