"""The laws of greedy generation."""

import functools
from types import SimpleNamespace

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from kata.laws import draw, verbs
from kata.laws.checks import describe, holds, same, tensor
from kata.laws.draw import Sizes
from kata.laws.elsewhere import Elsewhere

AXES = ("batch", "place")
ROWS = 97  # of the table of logits; prime, so that every token of a context counts
END_OF_TEXT = 50256  # GPT-2's
few = settings(max_examples=10)
DTYPES = st.sampled_from([torch.float64, torch.float32, torch.bfloat16])
SIZES = draw.sizes(batch=(1, 4), tokens=(1, 6), new=(1, 5), vocab=(7, 12))
ONE_TOKEN = Sizes(batch=1, tokens=1, new=1, vocab=7)
ALL_EQUAL = Sizes(batch=3, tokens=3, new=3, vocab=3)
LONG = Sizes(batch=2, tokens=5, new=4, vocab=9)


class FakeModel(nn.Module):
    """A model whose logits are looked up in a table by all tokens up to a position, and by where they stand.

    It keeps what it was called with. With `reach` it looks at no more than that many last tokens, wherever they stand.
    With `fails_at` it raises an error in that call, counted from 0. In a dtype other than float64, logits are so far
    from each other that rounding does not matter.
    """

    def __init__(self, vocab, seed, reach=None, fails_at=None, dtype=torch.float64):
        super().__init__()
        numbers = draw.normal(seed, ROWS, vocab)
        if dtype == torch.float64:
            # Only differences count: in a row all logits are far above zero, far below it, or around it.
            numbers += 1000.0 * (torch.arange(ROWS) % 3 - 1)[:, None]
        else:
            numbers = 8 * numbers.argsort(dim=1)
        self.logits = nn.Parameter(numbers.to(dtype))
        self.dropout = nn.Dropout(0.5)  # not used: it only shows whether the mode reaches the parts
        self.reach, self.fails_at = reach, fails_at
        self.calls = Calls()

    def forward(self, ids):
        if self.fails_at is not None and len(self.calls) == self.fails_at:
            raise OutOfOrder("the model failed")
        modes = (self.training, self.dropout.training)
        self.calls.append(SimpleNamespace(ids=ids.tolist(), modes=modes, grad=torch.is_grad_enabled()))
        keys = [[key_of(row[: t + 1], self.reach) for t in range(len(row))] for row in ids.tolist()]
        return self.logits[torch.tensor(keys)]  # (batch, tokens, vocab)

    def choice(self, context):
        """The token that comes after a context, a list of ids."""
        logits = self.logits[key_of(context, self.reach)].tolist()
        return logits.index(max(logits))


class OneAnswer(nn.Module):
    """A model of a vocabulary as large as GPT-2's that always says the same."""

    def __init__(self, answer):
        super().__init__()
        self.logits = nn.Parameter(nn.functional.one_hot(torch.tensor(answer), 50257).double())

    def forward(self, ids):
        return self.logits.expand(*ids.shape, -1)


class Calls(list):
    """What a model was called with; a copy of the model notes its calls in the same place."""

    def __deepcopy__(self, memo):
        return self


class OutOfOrder(Exception):
    """What a fake model raises."""


def key_of(context, reach):
    """The row of the table for a context, a list of ids."""
    seen = context if reach is None else context[-reach:]
    return sum((id + 1) * (place * place + 3 * place + 5) for place, id in enumerate(seen)) % ROWS


def prompts(size, seed):
    """A batch of prompts."""
    return draw.integers(seed + 1, size.vocab, size.batch, size.tokens)


def continued(model, idx, new, context_size):
    """The right result, row by row and token by token."""
    rows = idx.tolist()
    for row in rows:
        for _ in range(new):
            row.append(model.choice(row[-context_size:]))
    return torch.tensor(rows)


def generate(submission, model, idx, new, context_size):
    """The learner's result, of the right shape and dtype."""
    result = verbs.call(submission.generate_text_simple, model, idx, new, context_size)
    return tensor(result, {"batch": idx.shape[0], "tokens": idx.shape[1] + new}, torch.int64)


def mode_of(model):
    """The mode in words."""
    return "training mode" if model.training else "eval mode"


def same_mode(model, training, when):
    """Checks that the model and its part are in this mode."""
    wanted = "training mode" if training else "eval mode"
    holds(
        model.training == training and model.dropout.training == training,
        f"{when}, the model was in {wanted} before, but is in {mode_of(model)} afterwards, and its dropout layer in "
        f"{mode_of(model.dropout)}. Put back what was there.",
    )


def fails(submission, model, idx, new, context_size):
    """Calls for text from a model that raises an error, which must come through."""
    try:
        result = verbs.call(submission.generate_text_simple, model, idx, new, context_size)
    except OutOfOrder:
        return
    holds(False, f"The model raised an error, but you returned {describe(result)}: let the caller know of it.")


@given(size=SIZES, seed=draw.seeds, context_size=st.integers(1, 8), ends=st.booleans())
@example(size=ONE_TOKEN, seed=0, context_size=1, ends=False)
@example(size=ALL_EQUAL, seed=0, context_size=3, ends=False)
@example(size=ALL_EQUAL, seed=0, context_size=3, ends=True)
def test_every_sequence_grows_by_max_new_tokens(submission, size, seed, context_size, ends):
    """Every sequence grows by max_new_tokens, an end of text or not, and ids stay ids: int64."""
    model = draw.stand_in(OneAnswer, END_OF_TEXT) if ends else draw.stand_in(FakeModel, size.vocab, seed)
    generate(submission, model, prompts(size, seed), size.new, context_size)


@given(size=SIZES, seed=draw.seeds, context_size=st.integers(1, 8))
@example(size=LONG, seed=0, context_size=3)
def test_the_prompt_comes_back_in_front(submission, size, seed, context_size):
    """The prompt comes back in front, whole and unchanged, also where the model is shown only its end."""
    idx = prompts(size, seed)
    result = generate(submission, draw.stand_in(FakeModel, size.vocab, seed), idx, size.new, context_size)
    same(result[:, : size.tokens], idx, AXES, "the beginning of the result")


@given(size=SIZES, seed=draw.seeds, dtype=DTYPES)
@example(size=ONE_TOKEN, seed=0, dtype=torch.float64)
@example(size=ALL_EQUAL, seed=0, dtype=torch.float64)
@example(size=ALL_EQUAL, seed=0, dtype=torch.bfloat16)
def test_each_new_token_has_the_largest_logit_at_the_last_position(submission, size, seed, dtype):
    """Each new token is the one with the largest logit at the last position, after all tokens before it."""
    model, idx = draw.stand_in(FakeModel, size.vocab, seed, dtype=dtype), prompts(size, seed)
    context_size = size.tokens + size.new
    result = generate(submission, model, idx, size.new, context_size)
    same(result, continued(model, idx, size.new, context_size), AXES)


@given(size=SIZES, seed=draw.seeds, context_size=st.integers(1, 8))
@example(size=LONG, seed=0, context_size=1)
@example(size=LONG, seed=0, context_size=3)
@example(size=LONG, seed=0, context_size=5)
@example(size=LONG, seed=0, context_size=7)
def test_the_model_is_shown_the_last_context_size_tokens(submission, size, seed, context_size):
    """For each new token the model is shown the last context_size tokens, new ones too, or all if there are fewer."""
    model, idx = draw.stand_in(FakeModel, size.vocab, seed), prompts(size, seed)
    generate(submission, model, idx, size.new, context_size)
    rows = continued(model, idx, size.new, context_size).tolist()
    lengths = range(size.tokens, size.tokens + size.new + 1)  # who asks once more than needed wastes only time
    expected = {tuple(row[:length][-context_size:]) for row in rows for length in lengths}
    holds(len(model.calls) > 0, "The model was never called.")
    for call in model.calls:
        for shown in call.ids:
            holds(
                len(shown) <= context_size,
                f"The model was shown {len(shown)} tokens, but it takes {context_size} at most (context_size).",
            )
            holds(
                tuple(shown) in expected,
                f"With context_size {context_size}, the model was shown {shown}. That is not the end of what was "
                f"there: the prompts were {idx.tolist()}, and should become {rows}.",
            )


@few
@given(size=SIZES, seed=draw.seeds, reach=st.integers(1, 3), more=st.integers(0, 5))
@example(size=LONG, seed=0, reach=2, more=1)
def test_cropping_takes_nothing_that_the_model_looks_at(submission, size, seed, reach, more):
    """A model that looks at the last few tokens only writes the same, however much more context it is shown."""
    model, idx = draw.stand_in(FakeModel, size.vocab, seed, reach=reach), prompts(size, seed)
    result = generate(submission, model, idx, size.new, reach + more)
    what = f"with a model that looks at the last {reach} tokens, and context_size {reach + more}, the result"
    same(result, continued(model, idx, size.new, context_size=99), AXES, what)


@few
@given(size=SIZES, seed=draw.seeds, context_size=st.integers(1, 8), first=st.integers(0, 4))
@example(size=LONG, seed=0, context_size=3, first=2)
def test_it_can_be_continued(submission, size, seed, context_size, first):
    """Generating some tokens and then, from the result, the others is the same as generating all of them at once."""
    model, idx, first = draw.stand_in(FakeModel, size.vocab, seed), prompts(size, seed), min(first, size.new)
    whole = generate(submission, model, idx, size.new, context_size)
    begun = generate(submission, model, idx, first, context_size)
    same(begun, whole[:, : size.tokens + first], AXES, f"the result of {first} of the {size.new} new tokens")
    ended = generate(submission, model, begun, size.new - first, context_size)
    same(ended, whole, AXES, f"the result of {first} tokens and then {size.new - first} more")


@few
@given(size=SIZES, seed=draw.seeds, context_size=st.integers(1, 8))
@example(size=ALL_EQUAL, seed=0, context_size=2)
def test_sequences_of_a_batch_do_not_mix(submission, size, seed, context_size):
    """Each sequence of a batch is continued as it is alone."""
    model, idx = (
        draw.stand_in(FakeModel, size.vocab, seed),
        prompts(size, seed).T.contiguous().T,
    )  # in memory, token by token
    whole = generate(submission, model, idx, size.new, context_size)
    for row in range(size.batch):
        alone = generate(submission, model, idx[row : row + 1].clone(), size.new, context_size)
        same(
            alone, whole[row : row + 1], AXES, f"the result of sequence {row} alone (not in its batch of {size.batch})"
        )


@few
@given(size=SIZES, seed=draw.seeds, context_size=st.integers(1, 8), training=st.booleans())
@example(size=LONG, seed=0, context_size=3, training=True)
def test_no_new_tokens_leave_the_prompt(submission, size, seed, context_size, training):
    """With max_new_tokens 0 the result is the prompt, all of it."""
    model, idx = draw.stand_in(FakeModel, size.vocab, seed).train(training), prompts(size, seed)
    same(generate(submission, model, idx, 0, context_size), idx, AXES)
    same_mode(model, training, "With max_new_tokens 0")


@few
@given(size=SIZES, seed=draw.seeds)
@example(size=LONG, seed=0)
def test_it_works_on_another_device(submission, size, seed):
    """It works wherever the model and the prompt are: what it makes by itself, it makes there."""
    model, idx, elsewhere = draw.stand_in(FakeModel, size.vocab, seed), prompts(size, seed), Elsewhere()
    elsewhere.moves(model)
    with elsewhere:
        result = verbs.call(submission.generate_text_simple, model, idx, size.new, 4)
    holds(
        not elsewhere.stayed(result),
        "With model and prompt on another device, the result is on the CPU. Make tensors on the device of the prompt "
        "(device=idx.device).",
    )


@few
@given(size=SIZES, seed=draw.seeds)
def test_arguments_have_their_names(submission, size, seed):
    """Its parameters are model, idx, max_new_tokens and context_size: a call by names is the same call."""
    model, idx = draw.stand_in(FakeModel, size.vocab, seed), prompts(size, seed)
    named = {"model": model, "idx": idx, "max_new_tokens": size.new, "context_size": 4}
    result = verbs.call(submission.generate_text_simple, **named)
    same(result, generate(submission, model, idx, size.new, 4), AXES, "the result of a call by names")


@few
@given(size=SIZES, seed=draw.seeds)
def test_the_model_generates_in_eval_mode(submission, size, seed):
    """The model, with all its parts, is in eval mode whenever it is called: no dropout while generating."""
    model = draw.stand_in(FakeModel, size.vocab, seed).train()
    generate(submission, model, prompts(size, seed), size.new, 4)
    for number, call in enumerate(model.calls):
        whole, part = call.modes
        holds(
            not whole,
            f"When it was called for new token {number}, counted from 0, the model was in training mode: with dropout.",
        )
        holds(
            not part,
            f"When it was called for new token {number}, counted from 0, the model was in eval mode, but its dropout "
            "layer in training mode.",
        )


@few
@given(size=SIZES, seed=draw.seeds, training=st.booleans())
@example(size=LONG, seed=0, training=True)
@example(size=LONG, seed=0, training=False)
def test_the_mode_is_left_as_it_was(submission, size, seed, training):
    """Afterwards the model is in the mode that it was in before, training or eval."""
    model = draw.stand_in(FakeModel, size.vocab, seed).train(training)
    generate(submission, model, prompts(size, seed), size.new, 4)
    same_mode(model, training, "After generating")


@few
@given(size=SIZES, seed=draw.seeds, training=st.booleans(), fails_at=st.integers(0, 4))
@example(size=LONG, seed=0, training=True, fails_at=1)
@example(size=LONG, seed=0, training=False, fails_at=0)
def test_the_mode_is_left_as_it_was_after_an_error(submission, size, seed, training, fails_at):
    """An error of the model comes through, and leaves the model in the mode that it was in before."""
    model = draw.stand_in(FakeModel, size.vocab, seed, fails_at=min(fails_at, size.new - 1)).train(training)
    fails(submission, model, prompts(size, seed), size.new, 4)
    same_mode(model, training, "After an error in the model")


@few
@given(size=SIZES, seed=draw.seeds, outside=st.booleans(), failing=st.booleans())
@example(size=LONG, seed=0, outside=True, failing=True)
@example(size=LONG, seed=0, outside=True, failing=False)
@example(size=LONG, seed=0, outside=False, failing=False)
def test_no_gradient_is_kept(submission, size, seed, outside, failing):
    """While it generates no gradient is kept; afterwards gradients are kept as before, and parameters need them."""
    model, idx = (
        draw.stand_in(FakeModel, size.vocab, seed, fails_at=size.new - 1 if failing else None),
        prompts(size, seed),
    )
    with torch.set_grad_enabled(outside):  # puts back what was there, whatever happens within
        (fails if failing else generate)(submission, model, idx, size.new, 4)
        after = torch.is_grad_enabled()
    for number, call in enumerate(model.calls):
        holds(
            not call.grad,
            f"For new token {number}, counted from 0, gradients were enabled, so all that the model computes is kept "
            "for a backward pass that never comes.",
        )
    holds(
        model.logits.requires_grad, "The parameters of the model need no gradient any more: it could not be trained on."
    )
    before, now = ("enabled" if state else "disabled" for state in (outside, after))
    when = "after an error in the model" if failing else "afterwards"
    holds(after == outside, f"Gradients were {before} before, but are {now} {when}. Put back what was there.")


@few
@given(size=SIZES, seed=draw.seeds)
def test_the_same_prompt_is_always_continued_alike(submission, size, seed):
    """The same prompt is continued in the same way every time, and no parameter changes, nor its gradient."""
    model, idx = draw.stand_in(FakeModel, size.vocab, seed), prompts(size, seed)
    before = model.logits.detach().clone()
    model.logits.grad = torch.ones_like(before)
    first = generate(submission, model, idx, size.new, 4)
    same(generate(submission, model, idx, size.new, 4), first, AXES, "the result of a second call")
    same(model.logits.detach(), before, ("row", "logit"), "the model's parameter afterwards", got="it is")
    after = model.logits.grad
    holds(after is not None, "The gradient of the model's parameter is gone: whoever trains it may still need it.")
    what = "the gradient of the model's parameter afterwards"
    same(after, torch.ones_like(before), ("row", "logit"), what, got="it is")


def probe(submission):
    """Calls that tell the misconceptions apart."""
    idx = torch.tensor([[3, 0, 8, 5, 1], [2, 2, 7, 4, 6]])  # (batch, tokens)

    def written(context_size, new=4, prompt=idx, **named):
        model = FakeModel(9, 5, **named)
        return submission.generate_text_simple(model, prompt.clone(), new, context_size)

    @functools.cache
    def trace(training, fails_at=None, gradients=True):
        """What a model saw, the modes it was in, and what was left as it was."""
        model, mine, came = FakeModel(9, 5, fails_at=fails_at).train(training), idx.clone(), "nothing"
        with torch.set_grad_enabled(gradients):
            try:
                submission.generate_text_simple(model, mine, 3, 4)
            except OutOfOrder:
                came = "its own error"
            except (RuntimeError, TypeError, IndexError) as error:
                if isinstance(error, NotImplementedError):
                    raise
                came = "another error"
            after = torch.is_grad_enabled()
        seen = [call.ids for call in model.calls]
        during = [[*call.modes, call.grad] for call in model.calls]
        left = [model.training, model.dropout.training, model.logits.requires_grad, after]
        return [came, seen, during, left, mine.tolist()]

    def gradient_afterwards():
        model = FakeModel(9, 5)
        model.logits.grad = torch.ones_like(model.logits)
        submission.generate_text_simple(model, idx.clone(), 3, 4)
        return model.logits.grad

    def ended():
        return submission.generate_text_simple(OneAnswer(END_OF_TEXT), idx.clone(), 3, 4)

    def away():
        model, mine, elsewhere = FakeModel(9, 5), idx.clone(), Elsewhere()
        elsewhere.moves(model)
        try:
            with elsewhere:
                return elsewhere.stayed(submission.generate_text_simple(model, mine, 3, 4))
        except AssertionError:
            return "fails"

    return [
        gradient_afterwards,
        ended,
        away,
        lambda: written(9, dtype=torch.bfloat16),
        lambda: written(9),
        lambda: written(3),
        lambda: written(1),
        lambda: written(3, prompt=idx[:1]),
        lambda: written(3, prompt=idx[:, :1]),
        lambda: written(3, new=1),
        lambda: written(3, new=0),
        lambda: trace(True),
        lambda: trace(False),
        lambda: trace(True, 1),
        lambda: trace(False, 1),
        lambda: trace(False, gradients=False),
    ]
