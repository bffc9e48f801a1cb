"""The laws of the learning-rate schedule and of gradient clipping."""

import itertools
import math

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from kata.laws import draw, verbs
from kata.laws.checks import describe, equal, holds, same

# `warmup` steps up, `decay` steps down; the smallest learning rate is `floor` times the largest.
WARMUPS = st.integers(1, 12)
DECAYS = st.integers(1, 20)
PEAKS = st.floats(1e-4, 2.0)
FLOORS = st.floats(0.0, 0.9)

# The shapes of some parameters: numbers, vectors, matrices, and more.
SHAPES = st.lists(st.lists(st.integers(1, 4), max_size=3).map(tuple), min_size=1, max_size=4)
SEVERAL = st.lists(st.lists(st.integers(1, 4), max_size=3).map(tuple), min_size=2, max_size=4)
NORMS = st.floats(0.5, 50.0)
SHARES = st.floats(0.1, 0.9)
"""max_norm as a part of the norm."""
IN_FLOAT32 = 1e-6
"""Relative: a cosine, or a norm of norms, may be computed in float32."""
ROUNDING = 1e-5
"""Relative: PyTorch's own adds 1e-6 to the norm that it divides by, and whoever does the same is right."""


def learning_rate(submission, step, *settings, **named):
    """The learning rate of one step, which is a finite float."""
    rate = verbs.call(submission.cosine_schedule, step, *settings, **named)
    holds(isinstance(rate, float), f"The learning rate of step {step} should be a float, but is {describe(rate)}.")
    holds(math.isfinite(rate), f"The learning rate of step {step} should be a finite number, but is {rate}.")
    return rate


def is_rate(rate, expected, peak, step, settings, why):
    """Checks a learning rate, up to rounding; `settings` are max_lr, min_lr, warmup_steps and total_steps."""
    names = ("max_lr", "min_lr", "warmup_steps", "total_steps")
    said = ", ".join(f"{name}={value:.6g}" for name, value in zip(names, settings, strict=True))
    holds(
        abs(rate - expected) <= IN_FLOAT32 * peak,
        f"With {said}, step {step} should have the learning rate {expected:.6g}, {why}. You returned {rate:.6g}.",
    )


def rates_of(submission, settings, steps):
    """The learning rates of several steps, one by one: the last one computed is the one that breaks a law."""
    return (learning_rate(submission, step, *settings) for step in steps)


def on_the_way_down(peak, low, part):
    """The cosine decay, as a square: (1 + cos x) / 2 is cos² of half of x."""
    return low + (peak - low) * math.cos(math.pi * part / 2) ** 2


def parameters_with_gradients(shapes, norm, seed, dtype=torch.float64):
    """Parameters of these shapes, with random gradients whose norm, all together, is `norm`.

    Matrices lie in memory column by column, as the transpose of a matrix does.
    """
    parameters = [nn.Parameter(draw.normal(seed + index, *shape, dtype=dtype)) for index, shape in enumerate(shapes)]
    gradients = [draw.normal(seed + 100 + index, *shape) for index, shape in enumerate(shapes)]
    factor = norm / norm_of(gradients)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        gradient = (factor * gradient).to(dtype)
        parameter.grad = gradient.mT.contiguous().mT if gradient.dim() > 1 else gradient
    return parameters


def norm_of(tensors):
    """The norm of tensors seen as one long vector, number by number."""
    return math.sqrt(math.fsum(x * x for one in tensors for x in one.double().flatten().tolist()))


def gradients_of(parameters):
    """The gradients that there are, copied."""
    return [parameter.grad.clone() for parameter in parameters if parameter.grad is not None]


def clipped(submission, parameters, max_norm):
    """Clips, and returns the norm that comes back, which is a finite float."""
    norm = verbs.call(submission.clip_gradients, parameters, max_norm)
    holds(isinstance(norm, float), f"clip_gradients should return the norm as a float, but returned {describe(norm)}.")
    holds(math.isfinite(norm), f"The norm that is returned should be a finite number, but is {norm}.")
    return norm


def finds_norms(submission):
    """A norm of 0 says something only where other norms are not 0."""
    found = clipped(submission, parameters_with_gradients([(2,)], 5.0, 0), 10.0)
    holds(found > 0, f"The norm of a gradient of length 5 should be 5, but you returned {found:.6g}.")


def same_numbers(gradient, expected, what, tolerance=None):
    """Checks one gradient."""
    same(gradient, expected, ("row", "column", "layer")[: expected.dim()], what, tolerance, got="it is")


def all_same(parameters, expected, what, tolerance=ROUNDING):
    """Checks the gradients of parameters, one after the other."""
    for index, (parameter, gradient) in enumerate(zip(parameters, expected, strict=True)):
        name = f"the gradient of parameter {index} of {len(parameters)}, {what},"
        same_numbers(parameter.grad, gradient, name, tolerance)


@given(warmup=WARMUPS, decay=DECAYS, peak=PEAKS, floor=FLOORS)
@example(warmup=4, decay=6, peak=1.0, floor=0.25)
@example(warmup=1, decay=1, peak=1.0, floor=0.5)
def test_the_warm_up_is_a_straight_line_from_zero(submission, warmup, decay, peak, floor):
    """During the warm-up the learning rate grows along a straight line: 0 at step 0, and on its way to max_lr."""
    settings = (peak, floor * peak, warmup, warmup + decay)
    for step, rate in enumerate(rates_of(submission, settings, range(warmup))):
        is_rate(rate, peak * step / warmup, peak, step, settings, f"which is max_lr · {step}/{warmup}")


@given(warmup=st.integers(0, 12), decay=DECAYS, peak=PEAKS, floor=FLOORS)
@example(warmup=0, decay=4, peak=1.0, floor=0.25)
@example(warmup=4, decay=6, peak=1.0, floor=0.25)
def test_the_warm_up_ends_at_max_lr(submission, warmup, decay, peak, floor):
    """At step warmup_steps the learning rate is max_lr; without a warm-up that is step 0."""
    settings = (peak, floor * peak, warmup, warmup + decay)
    rate = learning_rate(submission, warmup, *settings)
    is_rate(rate, peak, peak, warmup, settings, "max_lr, for the warm-up ends there")


@given(warmup=st.integers(0, 12), decay=DECAYS, peak=PEAKS, floor=FLOORS, later=st.integers(1, 100))
@example(warmup=2, decay=4, peak=1.0, floor=0.25, later=4)
@example(warmup=0, decay=1, peak=1.0, floor=0.25, later=1)
def test_it_ends_at_min_lr_and_stays_there(submission, warmup, decay, peak, floor, later):
    """At total_steps the learning rate is min_lr, and so it is at every later step."""
    settings = (peak, floor * peak, warmup, warmup + decay)
    for step in (warmup + decay, warmup + decay + 1, warmup + decay + later, warmup + 2 * decay):
        rate = learning_rate(submission, step, *settings)
        is_rate(rate, floor * peak, peak, step, settings, "min_lr, from total_steps on")


@given(warmup=st.integers(0, 12), decay=DECAYS, peak=PEAKS, floor=FLOORS)
@example(warmup=3, decay=6, peak=1.0, floor=0.25)
@example(warmup=0, decay=4, peak=1.0, floor=0.0)
def test_the_way_down_is_half_a_wave_of_the_cosine(submission, warmup, decay, peak, floor):
    """From the end of the warm-up to total_steps, the learning rate falls from max_lr to min_lr as a cosine does."""
    settings = (peak, floor * peak, warmup, warmup + decay)
    for done, rate in enumerate(rates_of(submission, settings, range(warmup, warmup + decay + 1))):
        expected = on_the_way_down(peak, floor * peak, done / decay)
        is_rate(rate, expected, peak, warmup + done, settings, f"{done}/{decay} of the way down")


@given(warmup=st.integers(0, 12), half=st.integers(1, 10), peak=PEAKS, floor=FLOORS)
@example(warmup=3, half=2, peak=1.0, floor=0.5)
def test_half_way_down_it_is_in_the_middle(submission, warmup, half, peak, floor):
    """Half-way between the end of the warm-up and total_steps, the learning rate is the mean of max_lr and min_lr."""
    settings = (peak, floor * peak, warmup, warmup + 2 * half)
    rate = learning_rate(submission, warmup + half, *settings)
    is_rate(rate, (1 + floor) * peak / 2, peak, warmup + half, settings, "the mean of max_lr and min_lr")


@given(warmup=st.integers(0, 12), third=st.integers(1, 7), peak=PEAKS, floor=FLOORS)
@example(warmup=3, third=2, peak=1.0, floor=0.2)
def test_it_falls_gently_at_both_ends(submission, warmup, third, peak, floor):
    """A third of the way down costs only a quarter of the distance, the next third a half, and the last a quarter."""
    settings = (peak, floor * peak, warmup, warmup + 3 * third)
    for part, left in ((1, 3 / 4), (2, 1 / 4)):
        step = warmup + part * third
        rate = learning_rate(submission, step, *settings)
        expected = floor * peak + left * (1 - floor) * peak
        is_rate(rate, expected, peak, step, settings, f"with {left:.2g} of the distance to min_lr left")


@given(warmup=st.integers(0, 12), decay=DECAYS, peak=PEAKS, floor=FLOORS)
@example(warmup=3, decay=6, peak=1.0, floor=0.25)
def test_the_way_down_is_the_same_read_backwards(submission, warmup, decay, peak, floor):
    """What is lost in the first steps of the way down is what is still to lose in the last ones."""
    low = floor * peak
    settings = (peak, low, warmup, warmup + decay)
    for done in range(decay // 2 + 1):
        rate, mirrored = rates_of(submission, settings, (warmup + done, warmup + decay - done))
        holds(
            abs((peak - rate) - (mirrored - low)) <= IN_FLOAT32 * peak,
            f"With max_lr {peak:.6g} and min_lr {low:.6g}, {done} steps after the warm-up the learning rate is "
            f"{rate:.6g}, and {done} steps before the end {mirrored:.6g}. The first should be as far below max_lr as "
            "the second is above min_lr.",
        )


@given(warmup=st.integers(0, 12), decay=DECAYS, peak=PEAKS, floor=FLOORS)
@example(warmup=3, decay=6, peak=1.0, floor=0.25)
@example(warmup=0, decay=6, peak=1.0, floor=0.25)
def test_it_goes_up_and_then_down_without_a_jump(submission, warmup, decay, peak, floor):
    """The learning rate rises to the end of the warm-up, never rises after it, and makes no jump anywhere."""
    settings = (peak, floor * peak, warmup, warmup + decay)
    rates = rates_of(submission, settings, range(warmup + decay + 4))
    steepest = math.pi / 2 * (1 - floor) * peak / decay
    for step, (before, after) in enumerate(itertools.pairwise(rates)):
        rising = step < warmup
        holds(
            (after > before) if rising else (after <= before + IN_FLOAT32 * peak),
            f"From step {step} to {step + 1}, with {warmup} warm-up steps of {warmup + decay}, the learning rate goes "
            f"from {before:.6g} to {after:.6g}. It should {'rise: this is the warm-up' if rising else 'not rise'}.",
        )
        most = peak / warmup if rising else steepest
        holds(
            abs(after - before) <= most * (1 + IN_FLOAT32) + IN_FLOAT32 * peak,
            f"From step {step} to {step + 1}, with {warmup} warm-up steps of {warmup + decay}, the learning rate jumps "
            f"from {before:.6g} to {after:.6g}. No step should change it by more than {most:.6g}.",
        )


@given(step=st.integers(0, 40), warmup=st.integers(0, 12), decay=DECAYS, peak=PEAKS, floor=FLOORS)
@example(step=1, warmup=4, decay=6, peak=1.0, floor=0.25)
def test_twice_the_learning_rates_give_twice_the_schedule(submission, step, warmup, decay, peak, floor):
    """With twice the max_lr and twice the min_lr, every step has twice the learning rate."""
    total = warmup + decay
    highest = learning_rate(submission, warmup, peak, floor * peak, warmup, total)
    holds(
        highest > 0, f"Step {warmup}, where the warm-up ends, has the learning rate {highest:.6g}: it should be more."
    )
    once = learning_rate(submission, step, peak, floor * peak, warmup, total)
    twice = learning_rate(
        submission, step, total_steps=total, warmup_steps=warmup, min_lr=2 * floor * peak, max_lr=2 * peak
    )
    holds(
        abs(twice - 2 * once) <= IN_FLOAT32 * peak,
        f"Step {step} has the learning rate {once:.6g}, and {twice:.6g} with twice the max_lr and min_lr: it should be "
        f"{2 * once:.6g}.",
    )


@given(warmup=st.integers(0, 8), decay=DECAYS, peak=PEAKS)
@example(warmup=2, decay=5, peak=0.5)
def test_with_equal_rates_it_only_warms_up(submission, warmup, decay, peak):
    """With min_lr equal to max_lr there is nothing to lose: after the warm-up the learning rate stays the same."""
    settings = (peak, peak, warmup, warmup + decay)
    steps = range(warmup, warmup + decay + 3)
    for step, rate in zip(steps, rates_of(submission, settings, steps), strict=True):
        is_rate(rate, peak, peak, step, settings, "max_lr and min_lr")


@given(steps=WARMUPS, peak=PEAKS, floor=FLOORS)
@example(steps=4, peak=1.0, floor=0.25)
def test_a_schedule_may_be_all_warm_up(submission, steps, peak, floor):
    """With warmup_steps equal to total_steps there is no way down: a straight line, then min_lr, and no error."""
    low = floor * peak
    settings = (peak, low, steps, steps)
    for step, rate in enumerate(rates_of(submission, settings, range(steps))):
        is_rate(rate, peak * step / steps, peak, step, settings, f"which is max_lr · {step}/{steps}")
    rate = learning_rate(submission, steps, *settings)  # the end of the warm-up and of everything: either will do
    holds(
        low - IN_FLOAT32 * peak <= rate <= peak * (1 + IN_FLOAT32),
        f"With warmup_steps and total_steps both {steps}, step {steps} has the learning rate {rate:.6g}: it should be "
        f"max_lr, {peak:.6g}, or min_lr, {low:.6g}.",
    )
    rate = learning_rate(submission, steps + 1, *settings)
    is_rate(rate, low, peak, steps + 1, settings, "min_lr, after total_steps")


@given(shapes=SHAPES, norm=NORMS, share=st.floats(0.1, 10.0), seed=draw.seeds)
@example(shapes=[(2, 3), (3,)], norm=5.0, share=0.5, seed=0)
@example(shapes=[(2, 3), (3,)], norm=5.0, share=2.0, seed=0)
def test_the_norm_before_is_returned(submission, shapes, norm, share, seed):
    """What is returned is the norm before: the root of the sum of the squares of all gradients' numbers."""
    parameters = parameters_with_gradients(shapes, norm, seed)
    found = clipped(submission, parameters, share * norm)
    holds(
        abs(found - norm) <= IN_FLOAT32 * norm,
        f"The gradients of {len(shapes)} parameters, as one long vector, have the norm {norm:.6g}, but with max_norm "
        f"{share * norm:.6g} you returned {found:.6g}.",
    )


@given(shapes=SHAPES, norm=NORMS, share=SHARES, seed=draw.seeds)
@example(shapes=[(2, 3), (3,)], norm=5.0, share=0.5, seed=0)
@example(shapes=[(2,), (2,)], norm=0.5, share=0.9, seed=0)
def test_longer_gradients_get_the_length_max_norm(submission, shapes, norm, share, seed):
    """Where all gradients together are longer than max_norm, they have the norm max_norm afterwards."""
    parameters = parameters_with_gradients(shapes, norm, seed)
    clipped(submission, parameters, share * norm)
    after = norm_of(gradients_of(parameters))
    holds(
        abs(after - share * norm) <= ROUNDING * share * norm,
        f"The gradients of {len(shapes)} parameters had the norm {norm:.6g}, and max_norm is {share * norm:.6g}. "
        f"Afterwards their norm is {after:.6g}: it should be max_norm.",
    )


@given(shapes=SEVERAL, norm=NORMS, share=SHARES, seed=draw.seeds)
@example(shapes=[(2, 3), (3,)], norm=5.0, share=0.5, seed=0)
def test_the_direction_stays(submission, shapes, norm, share, seed):
    """Clipping multiplies every number of every gradient by one and the same factor: the direction stays."""
    parameters = parameters_with_gradients(shapes, norm, seed)
    before = gradients_of(parameters)
    clipped(submission, parameters, share * norm)
    factors = []
    for parameter, gradient in zip(parameters, before, strict=True):
        pairs = zip(parameter.grad.flatten().tolist(), gradient.flatten().tolist(), strict=True)
        factors += [after / number for after, number in pairs if abs(number) > 1e-6 * norm]
    low, high = min(factors), max(factors)
    holds(
        low < 1,
        f"The norm is {norm:.6g} and max_norm {share * norm:.6g}, but no number of any gradient became smaller.",
    )
    holds(
        high - low <= ROUNDING * max(1.0, abs(high)) and high > 0,
        f"With norm {norm:.6g} and max_norm {share * norm:.6g}, one number is multiplied by {low:.6g}, and another by "
        f"{high:.6g}. One factor for all, {share:.6g} here, makes the step shorter and keeps its direction.",
    )


@given(shapes=SHAPES, norm=NORMS, above=st.floats(1.01, 100.0), seed=draw.seeds)
@example(shapes=[(2, 3), (3,)], norm=0.5, above=2.0, seed=0)
@example(shapes=[(2, 3), (3,)], norm=0.5, above=math.inf, seed=0)
def test_shorter_gradients_stay_as_they_are(submission, shapes, norm, above, seed):
    """Where all gradients together are shorter than max_norm, which may be inf, nothing changes, to the last bit."""
    longer = parameters_with_gradients(shapes, norm, seed)
    clipped(submission, longer, norm / 2)
    holds(
        norm_of(gradients_of(longer)) < norm,
        f"Gradients with the norm {norm:.6g}, which is above a max_norm of {norm / 2:.6g}, were not shortened.",
    )
    parameters = parameters_with_gradients(shapes, norm, seed)
    before = gradients_of(parameters)
    clipped(submission, parameters, above * norm)
    for index, (parameter, gradient) in enumerate(zip(parameters, before, strict=True)):
        what = f"the gradient of parameter {index}"
        same_numbers(parameter.grad, gradient, f"{what}, with norm {norm:.6g} below {above * norm:.6g},")
        holds(torch.equal(parameter.grad, gradient), f"{what.capitalize()} changed in its last digits.")


@given(shapes=SHAPES, norm=NORMS, share=SHARES, seed=draw.seeds)
@example(shapes=[(2, 3), (3,)], norm=5.0, share=0.5, seed=0)
def test_it_is_done_in_place_and_to_gradients_only(submission, shapes, norm, share, seed):
    """The gradient tensors themselves are shortened, in place; the parameters stay as they are."""
    parameters = parameters_with_gradients(shapes, norm, seed)
    weights = [parameter.detach().clone() for parameter in parameters]
    held = [parameter.grad for parameter in parameters]
    expected = [share * gradient for gradient in gradients_of(parameters)]
    clipped(submission, parameters, share * norm)
    for index, (parameter, weight) in enumerate(zip(parameters, weights, strict=True)):
        holds(
            torch.equal(parameter.detach(), weight),
            f"Parameter {index} itself changed. Only its gradient is to be clipped; the step is the optimizer's.",
        )
    all_same(parameters, expected, f"with norm {norm:.6g} and max_norm {share * norm:.6g}")
    for index, (one, gradient) in enumerate(zip(held, expected, strict=True)):
        what = f"the tensor that was the gradient of parameter {index} before the call"
        same_numbers(one, gradient, what, ROUNDING)


@given(shapes=SEVERAL, norm=NORMS, share=SHARES, seed=draw.seeds, without=st.integers(0, 4))
@example(shapes=[(2, 3), (3,)], norm=5.0, share=0.5, seed=0, without=0)
@example(shapes=[(2, 3), (3,)], norm=5.0, share=0.5, seed=0, without=2)
def test_parameters_without_a_gradient_are_skipped(submission, shapes, norm, share, seed, without):
    """A parameter whose grad is None is skipped, and still has none afterwards; the others are clipped as usual."""
    parameters = parameters_with_gradients(shapes, norm, seed)
    expected = [share * gradient for gradient in gradients_of(parameters)]
    unused = nn.Parameter(draw.normal(seed + 50, 2, 3))
    place = min(without, len(parameters))
    found = clipped(submission, [*parameters[:place], unused, *parameters[place:]], share * norm)
    holds(unused.grad is None, "A parameter that had no gradient has one now. Skip it, and leave it as it is.")
    all_same(parameters, expected, f"beside one without, with norm {norm:.6g} and max_norm {share * norm:.6g}")
    holds(
        abs(found - norm) <= IN_FLOAT32 * norm,
        f"Beside a parameter without a gradient, the norm should be {norm:.6g}, but you returned {found:.6g}.",
    )


@given(count=st.integers(0, 3), max_norm=st.floats(0.1, 10))
@example(count=0, max_norm=1.0)
@example(count=2, max_norm=1.0)
def test_where_there_is_no_gradient_the_norm_is_zero(submission, count, max_norm):
    """Where no parameter has a gradient, or there is no parameter at all, nothing happens, and the norm is 0."""
    finds_norms(submission)
    parameters = [nn.Parameter(draw.normal(index, 2, 3)) for index in range(count)]
    equal(clipped(submission, parameters, max_norm), 0.0, f"the norm of {count} parameters without gradients")
    holds(all(parameter.grad is None for parameter in parameters), "A parameter without a gradient has one now.")


@given(shapes=SHAPES, norm=NORMS, share=SHARES, seed=draw.seeds)
@example(shapes=[(2, 3), (3,)], norm=5.0, share=0.5, seed=0)
def test_parameters_may_come_from_a_generator(submission, shapes, norm, share, seed):
    """The parameters may be what model.parameters() returns: a generator, which can be gone through only once."""
    parameters = parameters_with_gradients(shapes, norm, seed)
    expected = [share * gradient for gradient in gradients_of(parameters)]
    found = clipped(submission, draw.one_by_one(parameters), share * norm)
    all_same(parameters, expected, f"given by a generator, with norm {norm:.6g} and max_norm {share * norm:.6g}")
    holds(
        abs(found - norm) <= IN_FLOAT32 * norm,
        f"With parameters from a generator the norm should be {norm:.6g}, but you returned {found:.6g}.",
    )


@given(shapes=SHAPES, max_norm=st.floats(0.1, 10), dtype=st.sampled_from([torch.float64, torch.float32]))
@example(shapes=[(2, 3), (3,)], max_norm=1.0, dtype=torch.float32)
def test_gradients_of_zero_stay_zero(submission, shapes, max_norm, dtype):
    """Gradients that are all zero stay zero: there is no length to divide by, and no NaN comes of it."""
    finds_norms(submission)
    parameters = [nn.Parameter(torch.ones(shape, dtype=dtype)) for shape in shapes]
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    equal(clipped(submission, parameters, max_norm), 0.0, "the norm of gradients of zero")
    all_same(parameters, [torch.zeros(shape, dtype=dtype) for shape in shapes], "all of zeros")


@given(shapes=SHAPES, norm=NORMS, share=SHARES, seed=draw.seeds, dtype=st.sampled_from([torch.float32, torch.bfloat16]))
@example(shapes=[(4, 4, 4), (3,)], norm=5.0, share=0.5, seed=0, dtype=torch.bfloat16)
def test_gradients_keep_their_dtype(submission, shapes, norm, share, seed, dtype):
    """Gradients in float32 or bfloat16 are clipped in their own dtype, right up to its rounding."""
    parameters = parameters_with_gradients(shapes, norm, seed, dtype)
    expected = [share * gradient for gradient in gradients_of(parameters)]
    found = clipped(submission, parameters, share * norm)
    # bfloat16 has 8 bits: a norm that is computed in it is right to some per cent.
    tolerance = 1e-4 if dtype == torch.float32 else 0.05
    name = str(dtype).removeprefix("torch.")
    all_same(parameters, expected, f"in {name}, with norm {norm:.6g} and max_norm {share * norm:.6g}", tolerance)
    holds(
        abs(found - norm) <= tolerance * norm,
        f"Gradients in {name} have the norm {norm:.6g}, but you returned {found:.6g}.",
    )


def probe(submission):
    """Calls that tell the misconceptions apart, function by function."""
    shapes = [(2, 3), (3,), ()]

    def rates(steps, *settings):
        return [round(submission.cosine_schedule(step, *settings), 5) for step in steps]

    def clip(max_norm, shapes=shapes, norm=5.0, dtype=torch.float64):
        parameters = parameters_with_gradients(shapes, norm, 1, dtype)
        found = submission.clip_gradients(parameters, max_norm)
        return parameters, found

    # Of what clipping divides by, five digits are compared: 1e-6 may have been added to it.
    def rounded(tensors):
        return [[round(number, 4) for number in each.flatten().tolist()] for each in tensors]

    def gradients(*arguments, **named):
        return rounded(gradients_of(clip(*arguments, **named)[0]))

    def held():
        parameters = parameters_with_gradients(shapes, 5.0, 1)
        tensors = [parameter.grad for parameter in parameters]
        submission.clip_gradients(parameters, 2.0)
        return rounded(tensors)

    def weights():
        return [parameter.detach() for parameter in clip(2.0)[0]]

    def beside_one_without():
        parameters = parameters_with_gradients(shapes, 5.0, 1)
        unused = nn.Parameter(torch.ones(2))
        found = submission.clip_gradients([unused, *parameters], 2.0)
        return [found, unused.grad is None, rounded(gradients_of(parameters))]

    def from_a_generator():
        parameters = parameters_with_gradients(shapes, 5.0, 1)
        found = submission.clip_gradients((parameter for parameter in parameters), 2.0)
        return [found, rounded(gradients_of(parameters))]

    def of_zeros():
        parameters = [nn.Parameter(torch.ones(2, dtype=torch.float64))]
        parameters[0].grad = torch.zeros(2, dtype=torch.float64)
        return [submission.clip_gradients(parameters, 1.0), parameters[0].grad.tolist()]

    def untouched():
        parameters = parameters_with_gradients(shapes, 5.0, 1)
        before = gradients_of(parameters)
        submission.clip_gradients(parameters, 7.0)
        return all(map(torch.equal, before, gradients_of(parameters)))

    return [
        lambda: rates(range(14), 1.0, 0.25, 4, 10),
        lambda: rates(range(4), 1.0, 0.25, 0, 3),
        lambda: rates(range(3), 1.0, 0.25, 3, 3),
        lambda: rates([4, 5, 9], 1.0, 0.25, 3, 3),
        lambda: submission.cosine_schedule(3, 1.0, 0.25, 3, 3) in (0.25, 1.0),
        lambda: rates(range(8), 0.5, 0.5, 2, 5),
        lambda: clip(2.0)[1],
        lambda: clip(7.0)[1],
        lambda: gradients(2.0),
        lambda: gradients(7.0),
        lambda: gradients(0.5, [(4,)]),
        untouched,
        held,
        weights,
        beside_one_without,
        from_a_generator,
        of_zeros,
        lambda: submission.clip_gradients([], 1.0),
        lambda: gradients(math.inf),
        lambda: gradients(2.0, [(3,)]),
        lambda: [str(gradient.dtype) for gradient in gradients_of(clip(2.0, dtype=torch.bfloat16)[0])],
    ]
