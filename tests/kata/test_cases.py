"""How a failure is shown: statements that can be pasted, small pictures of lists, texts and windows."""

import pytest

from kata.laws import literals, pictures

LONG = "It is (not) a 'short' text, nor has it\n only one \\ line. " * 5


@pytest.mark.parametrize(
    "value",
    [
        LONG,
        LONG.encode(),
        "x" * 300,
        list(range(100)),
        {"a, (b": [1, 2], 'it"s': "c' d"} | {f"key {n}": n for n in range(20)},
        ["it's (", "[", '"'] * 12,
    ],
)
def test_a_long_statement_is_broken_where_python_allows_it(value):
    said = literals.in_pieces(value) if isinstance(value, str | bytes) else literals.literal(value)
    filled = literals.filled(f"result = (lambda given, other: given)(given={said}, other=[1, 2])")
    found = {}
    exec(filled, found)
    assert found["result"] == value
    assert max(map(len, filled.splitlines())) <= literals.WIDTH


def test_a_short_statement_and_a_comment_stay_as_they_are():
    assert literals.filled("f(1, 2)") == "f(1, 2)"
    comment = "# " + "(a b) " * 30
    assert literals.filled(comment) == comment


def test_lists_stand_one_below_the_other_and_the_first_difference_in_brackets():
    shown = pictures.in_places([1, 20, 5, 4], [1, 20, 300, 4])
    assert shown.splitlines() == [
        "place         0   1    2  3",
        "it should be  1  20  300  4",
        "you returned  1  20   [5] 4",
    ]


def test_short_lists_and_other_things_need_no_picture():
    assert pictures.in_places([1, 2], [1, 3]) is None
    assert pictures.in_places((1, 2, 3, 4), [1, 3, 3, 4]) is None
    assert pictures.in_places(list(range(100)), list(range(1, 101))) is None


@pytest.mark.parametrize(("got", "wanted"), [("Hello , you", "Hello, you"), ("a\nb", "a\nc"), ("ab", "abc")])
def test_an_arrow_stands_below_the_first_character_that_differs(got, wanted):
    first, second, arrow = pictures.in_places(got, wanted).splitlines()
    place = arrow.index("^")
    assert first[:place] == second[:place].replace("you returned", "it should be")
    assert first[place : place + 1] != second[place : place + 1]


def test_windows_stand_below_their_place_of_the_stream():
    shown = pictures.over_stream([54, 40, 65], ("it should be", 1, [40, 65]), ("you returned", 0, [54, 7]))
    assert shown.splitlines() == ["text          54  40  65", "it should be      40  65", "you returned  54 [ 7]"]
    assert pictures.over_stream(list(range(1000)), ("it should be", 500, [500])) is None
