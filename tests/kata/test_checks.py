"""The comparisons that laws use: what they accept, and the sentence when they do not."""

import pytest
import torch
from torch import nn

from kata.laws import checks, verbs
from kata.laws.checks import LawBroken


def says(fragment, function, *arguments, **named):
    """The check breaks, with a message that holds the fragment."""
    with pytest.raises(LawBroken) as error:
        function(*arguments, **named)
    assert fragment in str(error.value)


AXES = {"batch": 2, "tokens": 3}


def test_a_tensor_must_be_a_tensor_of_that_shape_and_dtype_without_nan():
    assert checks.tensor(torch.zeros(2, 3), AXES, torch.float32).shape == (2, 3)
    says("should be a tensor, but you returned None (is a `return` missing?)", checks.tensor, None, AXES)
    says("but you returned the list [1]", checks.tensor, [1], AXES)
    says("(batch 2, tokens 3), but you returned (3, 2)", checks.tensor, torch.zeros(3, 2), AXES)
    says("should be float64, but you returned float32", checks.tensor, torch.zeros(2, 3), AXES, torch.float64)
    holed = torch.zeros(2, 3)
    holed[1, 2] = torch.nan
    says("NaN or infinity in 1 of 6 places, first at batch 1, token 2", checks.tensor, holed, AXES)


def test_tensors_are_compared_in_named_axes_and_never_broadcast():
    expected = torch.arange(6.0, dtype=torch.float64).reshape(2, 3)
    checks.same(expected + 1e-12, expected, ("batch", "tokens"))
    off = expected.clone()
    off[1, 0] += 0.5
    says("At batch 1, token 0, the result should be 3, but you returned 3.5 (1 of 6", checks.same, off, expected, AXES)
    says("(batch 2, tokens 3), but you returned (1, 3)", checks.same, expected[:1], expected, AXES)
    says("should be float64", checks.same, expected.float(), expected, AXES)


def test_a_tensor_that_claims_to_equal_everything_is_not_believed():
    class Agreeable(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, arguments=(), named=None):
            if function in (torch.Tensor.__ne__, torch.ne, torch.Tensor.any):
                return torch.tensor(False)
            return super().__torch_function__(function, types, arguments, named or {})

    claims = torch.ones(3, dtype=torch.int64).as_subclass(Agreeable)
    says("should be 0, but you returned 1", checks.same, claims, torch.zeros(3, dtype=torch.int64), ("token",))


def test_plain_data_is_compared_with_its_types():
    checks.equal([1, (2, "a")], [1, (2, "a")])
    checks.equal({"b": 1, "a": 2}, {"a": 2, "b": 1})
    says("different from place 1 on", checks.equal, [1, 3], [1, 2])
    says("different from place 2 on", checks.equal, "ab", "abc")
    says("should be of type list, but you returned the tuple (1, 2)", checks.equal, (1, 2), [1, 2])
    says("[1]", checks.equal, [True], [1])


def test_an_object_that_equals_everything_is_not_believed():
    class Agreeable(list):
        def __eq__(self, other):
            return True

        __hash__ = None

    says("should be of type list", checks.equal, Agreeable([2]), [1])


def test_a_refusal_is_a_value_error_that_names_the_numbers():
    def refuse(message):
        raise ValueError(message)

    checks.refuses(lambda: refuse("5 tokens, at most 4"), "five tokens", naming=[5, 4])
    says("does not name 4", checks.refuses, lambda: refuse("5 tokens"), "five tokens", naming=[5, 4])
    says("Five tokens should raise ValueError, but you returned None", checks.refuses, lambda: None, "five tokens")


def unwritten_in_a_block():
    with torch.no_grad():
        try:
            raise NotImplementedError("to do")
        finally:
            torch.zeros(1)


def by_a_list():
    return nn.ModuleList([nn.Linear(2, 2)])(torch.zeros(2))


def by_an_operator():
    return torch.zeros(2, device="meta").nonzero().tolist()


@pytest.mark.parametrize(
    ("call", "unwritten"), [(unwritten_in_a_block, True), (by_a_list, False), (by_an_operator, False)]
)
def test_only_a_stub_is_unwritten_not_what_pytorch_has_not_implemented(call, unwritten):
    with pytest.raises(NotImplementedError) as raised:
        call()
    assert checks.is_unwritten(raised.value) == unwritten
    assert not checks.is_unwritten(ValueError())


def test_a_list_of_modules_that_is_called_is_no_refusal():
    says("It should raise ValueError, but your code raised NotImplementedError", checks.refuses, by_a_list, "it")


def test_a_refusal_is_not_mistaken_for_another_error():
    def unwritten():
        raise NotImplementedError

    with pytest.raises(NotImplementedError):
        checks.refuses(unwritten, "anything")
    with pytest.raises(NotImplementedError):
        checks.raises(RuntimeError, unwritten, "anything")
    says(
        "Anything should raise ValueError, but your code raised KeyError: \"'no'\"",
        checks.refuses,
        lambda: {}["no"],
        "anything",
    )


class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = nn.Parameter(torch.zeros(2))
        self.inner = nn.Linear(2, 2, bias=False)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("outer.weight", "Layers has no `outer`."),
        ("inner.scale", "Layers.inner has no `scale`."),
        ("inner.bias", "Layers.inner.bias is None."),
        ("rows.weight", "Layers.rows is a tensor itself, but should be a layer that has a `weight`."),
        ("inner", "Layers.inner should be a parameter, but is Linear"),
    ],
)
def test_a_parameter_that_is_missing_is_said_with_the_way_to_it(path, said):
    says(said, verbs.parameter, Layers(), path)
    assert verbs.parameter(Layers(), "inner.weight").shape == (2, 2)
