"""Pictures of what an exercise's code does: there is always a page, and a sentence where there is no picture."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from rich.cells import cell_len
from rich.console import Console

from kata import curriculum, draw_html, draw_text, look, pictures
from kata.marking import difference, marked
from kata.pictures import HeatMap, Strip, Token, TokensOverText, WindowsOverStream

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MARKED = re.compile(r'class="[^"]*\bmark"')

LOOK = '''"""What doubling does."""

from kata.laws import verbs
from kata.pictures import HeatMap, Strip, Token, TokensOverText, WindowsOverStream


def look(submission, sentence):
    """The doubles, as heat map, as tokens, as windows."""
    labels = sentence.labels

    def heat():
        numbers = [float(verbs.call(submission.double, number)) for number in range(len(labels))]
        rows = range(len(labels))
        values = tuple(tuple(row + place * number for place, number in enumerate(numbers)) for row in rows)
        return HeatMap("Heat", "A caption.", labels, labels, values)

    def tokens():
        tokens = [Token(token.text, verbs.call(submission.double, token.id)) for token in sentence.tokens]
        return TokensOverText("Tokens", "A caption.", (*tokens, Token("<script>alert(1)</script>", 1), *tokens))

    def windows():
        start = verbs.call(submission.double, 1)
        strip = Strip("input 0", start, labels[start : start + 4])
        return [WindowsOverStream("Windows", "A caption.", labels, (strip,))]

    return [heat, tokens, windows]
'''
RIGHT = "def double(x):\n    return 2 * x\n"
LABELS = tuple(f"token {number}" for number in range(30))
PICTURES = [
    HeatMap("Heat", "", LABELS, LABELS, tuple((1.0, -0.5, float("nan"), *[2e6] * 27) for _ in LABELS), ((0, 0),)),
    TokensOverText(
        "Tokens", "", (*(Token(label, 50256) for label in LABELS), Token("  "), Token("x" * 300, 1)), (3, 31)
    ),
    TokensOverText("Wide", "", tuple(Token("\u4e2d\u6587\x1b[2J\n", 7) for _ in LABELS)),
    WindowsOverStream("Windows", "", LABELS, (Strip("input 0", 3, LABELS[3:20], (1,)),)),
]


@pytest.fixture
def looked(stubbed):
    """Draws a text as `double`, with this look of it."""
    stubbed.write("tests/chap1_numbers/look_double.py", LOOK)

    def looked(text: str | None, seconds: float = 20.0) -> look.Page:
        if text is not None:
            stubbed.write("exercises/chap1_numbers/double.py", text)
        lessons = curriculum.load(stubbed.root)
        return look.look(lessons, lessons.exercise("double"), stubbed.root / "exercises", "exercises", seconds)

    return looked


def test_right_code_is_drawn_beside_the_reference_and_nothing_is_marked(looked):
    page = looked(RIGHT)
    assert [panel.says for panel in page.panels] == [None, None, None]
    for panel in page.panels:
        assert [difference(own, right) for own, right in zip(panel.yours, panel.reference, strict=True)] == [None]
    html = draw_html.page(page)
    assert html.count("The same as the reference.") == 3
    assert not MARKED.search(html)


def test_wrong_code_is_marked_and_the_furthest_number_is_said(looked):
    page = looked("def double(x):\n    return 3 * x if x == 1 else 2 * x\n")
    heat, tokens, windows = (panel.yours[0] for panel in page.panels)
    assert set(heat.marks) == {(row, 1) for row in range(len(heat.rows))}
    assert "most in row 0 (Un), column 1 (hur): yours is 3, the reference's 2." in difference(
        heat, page.panels[0].reference[0]
    )
    assert tokens.marks == ()
    assert windows.windows[0].marks == (0, 1, 2, 3)
    assert len(MARKED.findall(draw_html.page(page))) == len(heat.rows) + 4


def test_the_page_is_well_formed_asks_for_nothing_and_runs_nothing(looked):
    html = draw_html.page(looked(f"print('<script>alert(2)</script>' + chr(27))\n{RIGHT}"))
    ElementTree.fromstring(html)
    assert not re.search(r"https?:|//|<script|<link|<img|@import|url\(", html.replace("<!DOCTYPE html>", ""))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html.replace("\u00b7", " ")
    assert "&lt;script&gt;alert(2)&lt;/script&gt;\N{REPLACEMENT CHARACTER}" in html


def test_the_spaces_of_tokens_are_seen_those_between_words_are_not():
    heat = HeatMap("Heat", "", (" the", "at a stretch"), ("a",), ((0.5,), (0.75,)))
    assert "\u00b7the " in draw_text.draw(heat, 80).plain
    assert "at a stretch " in draw_text.draw(heat, 80).plain
    html = draw_html.page(look.Page("heat", "Heat", "exercises", "", [look.Panel((heat,), (heat,))]))
    assert ">\u00b7the<" in html
    assert ">at&#160;a&#160;stretch<" in html


def test_unwritten_code_is_said_to_be_so_and_the_reference_is_shown(looked):
    page = looked(None)
    assert [panel.says for panel in page.panels] == ["This is not written yet."] * 3
    html = draw_html.page(page)
    assert html.count("This is not written yet.") == 3
    assert "your code" not in html
    assert html.count("<figure>") == 3


def test_code_that_raises_costs_only_the_picture_it_raised_in(looked):
    page = looked("def double(x):\n    if x > 100:\n        raise OSError('too <large>')\n    return 2 * x\n")
    heat, tokens, windows = page.panels
    assert (heat.says, windows.says) == (None, None)
    assert "The code raised OSError: too <large>." in tokens.says
    assert "double.py:3" in tokens.says
    html = draw_html.page(page)
    assert "too &lt;large&gt;" in html
    assert "Traceback" not in html


def test_code_that_cannot_be_imported_is_said_once(looked):
    says = [panel.says for panel in looked("import math\n\nmath.nothing\n").panels]
    assert "The code raised AttributeError" in says[0]
    assert "double.py:3" in says[0]
    assert says[1:] == [look.NOT_REACHED] * 2


def test_a_loop_that_never_ends_is_ended_and_said_with_its_line(looked):
    page = looked("def double(x):\n    while x > 100:\n        x = x\n    return 2 * x\n", seconds=2.0)
    heat, tokens, windows = page.panels
    assert heat.says is None
    assert tokens.says.startswith("It did not end within 2 seconds. Is there a loop that never ends? It was at line ")
    assert windows.says == look.NOT_REACHED


@pytest.mark.parametrize("ends", ["os._exit(3)", "os.kill(os.getpid(), 9)", "sys.exit()", "print('x' * 30_000_000)"])
def test_code_that_ends_or_floods_its_process_is_said(looked, ends):
    page = looked(f"import os, sys\n\ndef double(x):\n    if x > 100:\n        {ends}\n    return 2 * x\n")
    assert page.panels[0].says is None
    said = page.panels[1].says
    assert re.search("ended here, with status|raised SystemExit|printed more than 1 MB|File too large", said), said


def test_too_much_to_draw_is_a_sentence():
    many = TokensOverText("Tokens", "", (Token("a", 1),) * (pictures.MOST_CELLS + 1))
    with pytest.raises(pictures.Undrawable, match="1,501 cells; up to 1,500 are drawn"):
        pictures.from_data(pictures.to_data(many))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.title)
def test_a_picture_survives_its_way_through_data(picture):
    assert repr(pictures.from_data(pictures.to_data(picture))) == repr(picture)


@pytest.mark.parametrize("width", [24, 40, 80, 200])
@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.title)
def test_a_picture_is_never_wider_than_the_terminal(picture, width):
    drawn = draw_text.draw(picture, width)
    assert max(map(cell_len, drawn.plain.splitlines())) <= width
    assert "\x1b" not in drawn.plain


def test_marks_can_be_seen_without_colour():
    right = HeatMap("Heat", "", ("a",), ("a", "b"), ((0.5, 0.25),))
    drawn = draw_text.draw(marked(HeatMap("Heat", "", ("a",), ("a", "b"), ((0.5, 0.75),)), right), 80)
    console = Console(width=80, color_system=None, record=True, quiet=True)
    console.print(drawn)
    assert re.search(r"\.50[^!]\s*\.75!", drawn.plain)


def test_a_token_that_is_missing_at_the_end_is_a_difference():
    right = TokensOverText("Tokens", "", (Token("to", 1), Token("be", 2)))
    own = marked(TokensOverText("Tokens", "", right.tokens[:1]), right)
    assert difference(own, right) == "There are 1 tokens; the reference has 2."


def test_the_command_writes_the_page_and_fits_a_terminal(stubbed):
    stubbed.write("tests/chap1_numbers/look_double.py", LOOK)
    stubbed.write("exercises/chap1_numbers/double.py", RIGHT)
    done = stubbed.kata("look", "double")
    assert done.returncode == 0, done.stderr
    assert max(map(cell_len, done.stdout.splitlines())) <= 80
    assert "The page: .kata/look/double.html" in done.stdout.replace("\\", "/")
    ElementTree.fromstring(stubbed.read(".kata/look/double.html"))


def test_an_exercise_without_a_look_is_said_to_have_none(stubbed):
    stubbed.write("tests/chap1_numbers/look_double.py", LOOK)
    done = stubbed.kata("look", "quadruple")
    assert done.returncode == 2
    assert "There are no pictures of quadruple. There are some of: double." in done.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
def test_in_a_browser_nothing_is_asked_for_and_nothing_overflows(looked, tmp_path):
    listen = """<script>
    const asked = [];
    document.addEventListener("securitypolicyviolation", event => asked.push(event.blockedURI));
    </script></head>"""
    measure = """<script>
    addEventListener("load", () => {
    const wide = [...document.querySelectorAll("*")].filter(e =>
      e.getBoundingClientRect().right > innerWidth || (e.className == "scroll" && e.scrollWidth > e.clientWidth));
    document.title = JSON.stringify({width: innerWidth, wide: wide.map(e => e.tagName), asked});
    });
    </script></body>"""
    file = tmp_path / "page.html"
    html = draw_html.page(looked(RIGHT.replace("2 * x", "3 * x")))
    policy = f"{draw_html.POLICY}; script-src 'unsafe-inline'"  # for what the test itself adds
    html = html.replace(draw_html.POLICY, policy).replace("</head>", listen).replace("</body>", measure)
    file.write_text(html, encoding="utf-8")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,800", profile, "--dump-dom"]
    done = subprocess.run([CHROMIUM, *options, file.as_uri()], capture_output=True, text=True, encoding="utf-8")
    found = re.search("<title>(.*)</title>", done.stdout)
    assert found, done.stderr
    assert found[1] == '{"width":1000,"wide":[],"asked":[]}'
