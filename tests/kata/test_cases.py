"""How a failure is shown: statements that can be pasted, small pictures of lists, texts and windows."""

import sys

import pytest
import torch
from torch import nn

from kata.laws import as_python, draw, literals, pictures, verbs
from kata.laws.calls import RECORDER, Draw

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


DRAWN = Draw(3, (4, 5))
NUMBERS = literals.numbers_of(DRAWN)


@pytest.mark.parametrize(
    "value", [torch.linspace(-6, 6, 1201, dtype=torch.float64), torch.full((3, 5), 0.5), torch.zeros(20)]
)
def test_even_tensors_are_said_as_what_makes_them(value):
    assert torch.equal(eval(literals.regular(value)), value)


@pytest.mark.parametrize("value", [NUMBERS, NUMBERS.long(), torch.tensor([1.0, 2.0, 4.0])])
def test_other_tensors_are_not_even(value):
    assert literals.regular(value) is None


@pytest.mark.parametrize(("factor", "offset"), [(10.0, 0.0), (-0.125, 0.0), (3.0, -2.5)])
def test_a_drawn_tensor_may_have_been_scaled_and_moved(factor, offset):
    value = factor * NUMBERS + offset
    torch.testing.assert_close(eval(literals.scaled([Draw(1, (4, 5)), DRAWN], value)), value)
    assert literals.scaled([DRAWN], value.square()) is None


def test_what_lies_in_memory_in_another_order_is_told_from_what_does_not():
    x = torch.zeros(2, 3, 4)
    assert literals.permuted(x) is None
    assert literals.permuted(x[:, ::2]) is None
    order = literals.permuted(x.permute(2, 0, 1))
    assert x.permute(2, 0, 1).permute(order).shape == x.shape


def test_many_imported_names_go_on_in_the_next_line():
    long = literals.imported(
        "operator", ["itemgetter", "attrgetter", "methodcaller", "length_hint", "countOf", "indexOf"]
    )
    assert long.count("\n") == 1
    exec(long, {})
    assert literals.imported("operator", ["add"]) == "from operator import add"


class Model(nn.Module):
    """A model of a law file."""

    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size))


def of_the_learner(model, x, parameters, generator, told=None):
    model.train()
    x.mul_(1)


def said(call):
    """What is said of a case in which a law makes this call of `of_the_learner`, in a law file like this one."""
    RECORDER.forget(sys.modules[__name__])
    RECORDER.public(of_the_learner, "chap.exercise", "of_the_learner")
    call()
    RECORDER.broken = RECORDER.case
    try:
        return as_python.last_case().splitlines()
    finally:
        RECORDER.forget()


def test_what_a_law_hands_to_the_learner_is_made_again():
    def call():
        model = draw.stand_in(Model, 3).eval()
        x = torch.randn(2, 3, 4).transpose(0, 2)
        parameter = nn.Parameter(torch.ones(2))
        parameter.grad = torch.ones(2)
        verbs.call(of_the_learner, model, x, [parameter], torch.Generator().manual_seed(7), told=lambda: None)

    assert said(call) == [
        "import torch",
        "from chap.exercise import of_the_learner",
        "from tests.kata.test_cases import Model",
        "model = Model(3).eval()",
        "# The law's own x holds other numbers.",
        "x = torch.randn(2, 3, 4).permute(2, 1, 0)",
        "# The law's own parameters and gradients are other numbers.",
        "p = torch.nn.Parameter(torch.randn(2))",
        "p.grad = torch.randn(2)",
        "of_the_learner(model, x, [p], torch.Generator().manual_seed(7), told=print)",
    ]
