"""The laws of AdamW."""

import io

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from kata.laws import draw, verbs
from kata.laws.checks import LawBroken, broken, describe, equal, holds, same
from kata.laws.elsewhere import Elsewhere

SHAPES = ((3, 4), (2,), (), (3, 4), (1, 5, 2))  # two are equal: what is kept for one must not serve the other
BY_COLUMNS = 3  # this one lies in memory column by column, as the transpose of a matrix does
AXES = ("row", "column", "layer")
BETAS = st.tuples(st.floats(0.0, 0.99), st.floats(0.0, 0.999))
# Large ones too, so that it shows where eps stands.
HYPER = st.fixed_dictionaries(
    {
        "lr": st.floats(0.05, 0.5),
        "betas": BETAS,
        "eps": st.sampled_from([1e-8, 1e-3, 0.1, 1.0]),
        "weight_decay": st.just(0.0) | st.floats(0.01, 1.0),
    }
)
TYPICAL = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 0.1, "weight_decay": 0.2}
counts = st.integers(1, len(SHAPES))
few = settings(max_examples=10)
NOTHING = 1e-30
"""An eps that vanishes beside every gradient here, and still keeps 0 / 0 away."""
ROUNDING = 1e-4
"""A count of steps may be kept in float32, as PyTorch's own is: 1 - 0.999 is then off by 3e-5 of itself."""
IN_FLOAT32 = 1e-6
"""What is kept from step to step may be in float32, whatever the parameters are in."""
LIKE_IT = "Make it like the parameter, by torch.zeros_like, or say device=parameter.device."


def numbers(seed, index, shape, dtype):
    """Random numbers for the parameter at this place; one of them lies in memory column by column."""
    found = draw.normal(seed + index, *shape, dtype=dtype)
    return found.mT.contiguous().mT if index == BY_COLUMNS and found.dim() == 2 else found


def parameters(seed, count=None, dtype=torch.float64):
    """Parameters of the first shapes, random."""
    return [nn.Parameter(numbers(seed, index, shape, dtype)) for index, shape in enumerate(SHAPES[:count])]


def gradients(seed, owners, scale=1.0):
    """A gradient for each parameter."""
    return [scale * numbers(seed + 100, index, p.shape, p.dtype) for index, p in enumerate(owners)]


def build(submission, params, **hyper):
    """The learner's optimizer of these parameters, or groups."""
    return verbs.construct(submission.AdamW, params, **hyper)


def step(optimizer, owners, slopes):
    """One step with these gradients; None is no gradient."""
    for parameter, slope in zip(owners, slopes, strict=True):
        parameter.grad = None if slope is None else slope.clone()
    verbs.call(optimizer.step)


def alike(owners, others, what, tolerance=None, first=0):
    """Parameters are those that they should be, each named by its place, counted from `first`."""
    for index, (one, other) in enumerate(zip(owners, others, strict=True), first):
        same(one, other.detach(), AXES[: other.dim()], f"parameter {index} {what}", tolerance, got="it is")


def have_moved(owners, before, when="after a step"):
    """What is said of a step says something only where there was one: every parameter is another."""
    for index, (one, old) in enumerate(zip(owners, before, strict=True)):
        holds(not torch.equal(one.detach(), old), f"Parameter {index} has a gradient, but {when} it has not moved.")


def values(owners):
    """The numbers of parameters as they are now."""
    return [parameter.detach().clone() for parameter in owners]


def state_through_bytes(optimizer):
    """Its state_dict, as it comes back from a file."""
    buffer = io.BytesIO()
    torch.save(optimizer.state_dict(), buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@given(seed=draw.seeds, count=counts)
def test_it_is_an_optimizer_of_its_parameters(submission, seed, count):
    """It is a torch.optim.Optimizer that knows its parameters, and zero_grad clears their gradients."""
    owners = parameters(seed, count)
    optimizer = build(submission, iter(owners))
    if not isinstance(optimizer, torch.optim.Optimizer):
        broken(f"AdamW(...) should be a torch.optim.Optimizer, but is {describe(optimizer)}.")
    holds(
        hasattr(optimizer, "defaults"),
        "torch.optim.Optimizer does not know the parameters: AdamW's __init__ should call super().__init__ with them "
        "and a dictionary of defaults.",
    )
    late = nn.Parameter(draw.normal(seed, 2))
    optimizer.add_param_group({"params": [late]})
    owners.append(late)
    known = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    holds(
        len(known) == len(owners) and all(one is other for one, other in zip(known, owners, strict=True)),
        f"It was given {len(owners)} parameters, but its param_groups hold {len(known)}, or others.",
    )
    step(optimizer, owners, gradients(seed, owners))
    optimizer.zero_grad()
    left = sum(parameter.grad is not None and bool(parameter.grad.any()) for parameter in owners)
    holds(left == 0, f"After zero_grad, {left} of {len(owners)} parameters still have a gradient.")


@given(seed=draw.seeds, betas=BETAS, lr=st.floats(0.05, 0.5), size=st.integers(-6, 6))
@example(seed=0, betas=(0.9, 0.999), lr=0.1, size=0)
def test_the_first_step_is_lr_long(submission, seed, betas, lr, size):
    """The first step moves every number by lr against its gradient, whatever the gradient's size and the betas."""
    owners = parameters(seed)
    optimizer = build(submission, owners, lr=lr, betas=betas, eps=NOTHING, weight_decay=0.0)
    slopes = gradients(seed, owners, scale=10.0**size)
    expected = [parameter - lr * slope.sign() for parameter, slope in zip(owners, slopes, strict=True)]
    step(optimizer, owners, slopes)
    alike(owners, expected, f"after step 1, of length lr = {lr:.4g} against the gradient's sign,", ROUNDING)


@given(seed=draw.seeds)
@few
def test_it_is_written_from_scratch(submission, seed):
    """None of PyTorch's own optimizers does its work."""
    at_work = []
    watch = register_optimizer_step_pre_hook(lambda optimizer, *_: at_work.append(optimizer))
    try:
        owners = parameters(seed)
        before = values(owners)
        step(build(submission, owners), owners, gradients(seed, owners))
    finally:
        watch.remove()
    have_moved(owners, before)
    ready_made = {
        kind.__name__
        for optimizer in at_work
        for kind in type(optimizer).__mro__
        if kind.__module__.startswith("torch.optim.") and kind is not torch.optim.Optimizer
    }
    holds(
        not ready_made,
        f"torch.optim's own {' and '.join(sorted(ready_made))} {'does' if len(ready_made) == 1 else 'do'} the work. "
        "Write the step yourself: "
        "only torch.optim.Optimizer is given.",
    )


@given(seed=draw.seeds, hyper=HYPER, steps=st.integers(2, 6))
@example(seed=0, hyper=TYPICAL, steps=3)
def test_under_a_steady_gradient_every_step_is_alike(submission, seed, hyper, steps):
    """Under a steady gradient g each step is lr · g / (|g| + eps): both means are corrected, at every step."""
    hyper = hyper | {"weight_decay": 0.0}
    owners = parameters(seed)
    optimizer, slopes = build(submission, owners, **hyper), gradients(seed, owners, scale=0.3)
    for number in range(1, steps + 1):
        before = values(owners)
        step(optimizer, owners, slopes)
        expected = [
            old - hyper["lr"] * slope / (slope.abs() + hyper["eps"]) for old, slope in zip(before, slopes, strict=True)
        ]
        alike(owners, expected, f"after step {number} under a steady gradient, with eps {hyper['eps']:g},", ROUNDING)


@given(seed=draw.seeds, betas=st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.99)), lr=st.floats(0.05, 0.5))
@example(seed=0, betas=(0.9, 0.5), lr=0.1)
def test_past_gradients_count_less_and_less(submission, seed, betas, lr):
    """After one gradient and then one of zero, the second step is lr · β1/(1+β1) / √(β2/(1+β2)) long."""
    owners = parameters(seed)
    optimizer = build(submission, owners, lr=lr, betas=betas, eps=NOTHING, weight_decay=0.0)
    slopes = gradients(seed, owners)
    step(optimizer, owners, slopes)
    length = lr * betas[0] / (1 + betas[0]) / (betas[1] / (1 + betas[1])) ** 0.5
    expected = [parameter - length * slope.sign() for parameter, slope in zip(owners, slopes, strict=True)]
    step(optimizer, owners, [torch.zeros_like(slope) for slope in slopes])
    alike(owners, expected, f"after a second step, with a gradient of zero and betas {_pair(betas)},", ROUNDING)


@given(seed=draw.seeds, hyper=HYPER, decay=st.floats(0.01, 1.0), steps=st.integers(1, 4))
@example(seed=0, hyper=TYPICAL, decay=0.5, steps=1)
def test_a_gradient_of_zero_leaves_only_the_decay(submission, seed, hyper, decay, steps):
    """Where the gradient is zero, each step leaves 1 - lr · weight_decay of a parameter."""
    hyper = hyper | {"weight_decay": decay}
    owners = parameters(seed)
    expected = [parameter * (1 - hyper["lr"] * decay) ** steps for parameter in owners]
    optimizer = build(submission, owners, **hyper)
    for _ in range(steps):
        step(optimizer, owners, [torch.zeros_like(parameter) for parameter in owners])
    left, said = 1 - hyper["lr"] * decay, "1 step" if steps == 1 else f"{steps} steps"
    alike(owners, expected, f"after {said} with a gradient of zero, each of which multiplies it by {left:.6g},")


@given(seed=draw.seeds, hyper=HYPER, decay=st.floats(0.05, 1.0))
@example(seed=0, hyper=TYPICAL, decay=0.5)
def test_the_decay_does_not_pass_through_the_gradient(submission, seed, hyper, decay):
    """Decay takes lr · weight_decay of what a parameter was before the step, whatever the gradient."""
    plain, decayed = parameters(seed), parameters(seed)
    before = values(plain)
    slopes = gradients(seed, plain)
    step(build(submission, plain, **(hyper | {"weight_decay": 0.0})), plain, slopes)
    step(build(submission, decayed, **(hyper | {"weight_decay": decay})), decayed, slopes)
    expected = [one - hyper["lr"] * decay * old for one, old in zip(plain, before, strict=True)]
    alike(decayed, expected, f"with weight_decay {decay:.4g}, after one step,")


@given(seed=draw.seeds, hyper=HYPER, steps=st.integers(1, 3), absent=st.integers(0, len(SHAPES) - 1))
@example(seed=0, hyper=TYPICAL, steps=2, absent=0)
def test_without_a_gradient_nothing_moves(submission, seed, hyper, steps, absent):
    """A parameter whose gradient is None stays exactly as it is, decay included, and the others move."""
    owners = parameters(seed)
    optimizer, before = build(submission, owners, **hyper), values(owners)
    for number in range(steps):
        slopes = gradients(seed + 1000 * number, owners)
        slopes[absent] = None
        step(optimizer, owners, slopes)
    for index, (old, new) in enumerate(zip(before, owners, strict=True)):
        stayed = torch.equal(old, new.detach())
        holds(stayed or index != absent, f"Parameter {index} has no gradient (None), but it was changed. Skip it.")
        holds(not stayed or index == absent, f"Parameter {index} has a gradient, but it did not move.")


@given(seed=draw.seeds, hyper=HYPER, late=st.integers(1, 3), joins=st.integers(0, len(SHAPES) - 1))
@example(seed=0, hyper=TYPICAL, late=2, joins=1)
@few
def test_a_parameter_that_joins_late_starts_at_its_own_first_step(submission, seed, hyper, late, joins):
    """Each parameter goes by its own steps: those at which it has no gradient are none, neither first nor between."""
    owners, alone = parameters(seed), [parameters(seed)[joins]]
    optimizer = build(submission, owners, **hyper)
    for number in range(late):
        slopes = gradients(seed + 1000 * number, owners)
        slopes[joins] = None
        step(optimizer, owners, slopes)
    fresh = build(submission, alone, **hyper)
    pauses = late + 2
    begins = values(alone)
    for number in range(late, late + 4):
        slopes = gradients(seed + 1000 * number, owners)
        if number == pauses:
            slopes[joins] = None
        else:
            step(fresh, alone, [slopes[joins]])
        step(optimizer, owners, slopes)
        what = f"after step {number + 1}, where it had no gradient in the first {late}"
        what += f", and none in step {pauses + 1}," if number >= pauses else ","
        alike([owners[joins]], alone, what, first=joins)
        have_moved(alone, begins)


@given(seed=draw.seeds, first=HYPER, second=HYPER, cut=st.integers(1, len(SHAPES) - 2), steps=st.integers(1, 3))
@example(
    seed=0, first=TYPICAL, second={"lr": 0.03, "betas": (0.5, 0.6), "eps": 1.0, "weight_decay": 0.7}, cut=1, steps=3
)
@few
def test_each_group_has_its_own_hyper_parameters(submission, seed, first, second, cut, steps):
    """Groups, also one added later, step as optimizers of their own would; what a group does not say is the default."""
    owners, others = parameters(seed), parameters(seed)
    # The second group says two of its four, and the third, added later, says all.
    said = {name: second[name] for name in ("lr", "weight_decay")}
    optimizer = build(submission, [{"params": owners[:cut]}, {"params": owners[cut:-1], **said}], **first)
    optimizer.add_param_group({"params": owners[-1:], **second})
    parts = [(others[:cut], first), (others[cut:-1], first | said), (others[-1:], second)]
    alone, begins = [build(submission, part, **hyper) for part, hyper in parts], values(owners)
    for number in range(steps):
        slopes = gradients(seed + 1000 * number, owners)
        step(optimizer, owners, slopes)
        for parameter, slope in zip(others, slopes, strict=True):
            parameter.grad = slope
        for single in alone:
            verbs.call(single.step)
        alike(owners, others, f"after step {number + 1}, in groups with hyper-parameters of their own,")
        have_moved(owners, begins)


@given(seed=draw.seeds, schedule=st.lists(st.tuples(st.floats(0.0, 0.5), st.floats(0.0, 1.0)), min_size=2, max_size=4))
@example(seed=0, schedule=[(0.0, 0.2), (0.1, 0.2), (0.03, 0.0)])
@few
def test_lr_and_weight_decay_may_change_between_steps(submission, seed, schedule):
    """An lr or a weight_decay written into param_groups, as a schedule does, holds from the next step on."""
    owners, others = parameters(seed), parameters(seed)
    optimizer, oracle = build(submission, owners, **TYPICAL), torch.optim.AdamW(others, **TYPICAL)
    for number, (lr, decay) in enumerate(schedule):
        for group in (*optimizer.param_groups, *oracle.param_groups):
            group["lr"], group["weight_decay"] = lr, decay
        slopes = gradients(seed + 1000 * number, owners)
        step(optimizer, owners, slopes)
        for parameter, slope in zip(others, slopes, strict=True):
            parameter.grad = slope
        oracle.step()
        what = f"after step {number + 1}, with lr {lr:.4g} and weight_decay {decay:.4g}, as the group says now,"
        alike(owners, others, what, ROUNDING)


@given(seed=draw.seeds, count=counts, steps=st.integers(1, 5), hyper=HYPER)
@example(seed=0, count=5, steps=5, hyper=TYPICAL)
def test_it_is_torchs_adamw_step_for_step(submission, seed, count, steps, hyper):
    """After every step, the parameters are those of torch.optim.AdamW."""
    owners, others = parameters(seed, count), parameters(seed, count)
    optimizer, oracle = build(submission, owners, **hyper), torch.optim.AdamW(others, **hyper)
    for number in range(steps):
        slopes = gradients(seed + 1000 * number, owners, scale=10.0 ** (number % 3 - 1))
        step(optimizer, owners, slopes)
        for parameter, slope in zip(others, slopes, strict=True):
            parameter.grad = slope
        oracle.step()
        alike(owners, others, f"after step {number + 1}", ROUNDING)


@given(seed=draw.seeds, hyper=HYPER)
@few
def test_gradients_are_left_as_they_are(submission, seed, hyper):
    """A step leaves every gradient in its place, with the same numbers."""
    owners = parameters(seed)
    slopes, before = gradients(seed, owners), values(owners)
    step(build(submission, owners, **hyper), owners, slopes)
    have_moved(owners, before)
    for index, (parameter, slope) in enumerate(zip(owners, slopes, strict=True)):
        if parameter.grad is None:
            broken(f"The gradient of parameter {index} is gone after the step. Whoever trains calls zero_grad.")
        same(
            parameter.grad,
            slope,
            AXES[: slope.dim()],
            f"the gradient of parameter {index}, after the step,",
            got="it is",
        )


@given(seed=draw.seeds, hyper=HYPER)
@few
def test_no_graph_is_built(submission, seed, hyper):
    """A step is not part of any graph: parameters stay leaves that want gradients, and what is kept wants none."""
    owners = parameters(seed)
    optimizer, before = build(submission, owners, **hyper), values(owners)
    try:
        for number in range(2):
            for parameter, slope in zip(owners, gradients(seed + number, owners), strict=True):
                parameter.grad = slope.requires_grad_()  # as backward(create_graph=True) leaves it
            verbs.call(optimizer.step)
        on = torch.is_grad_enabled()
        with torch.no_grad():
            verbs.call(optimizer.step)
            off = not torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)
    holds(
        on and off,
        f"After a step gradients are switched {'on' if on else 'off'} for everybody, and before it they were not. "
        "A `with` block of torch.no_grad() puts back what it found.",
    )
    have_moved(owners, before)
    for index, parameter in enumerate(owners):
        holds(
            parameter.is_leaf and parameter.requires_grad,
            f"After a step, parameter {index} is no longer a leaf that requires a gradient.",
        )
    kept = [value for state in optimizer.state.values() for value in state.values() if isinstance(value, torch.Tensor)]
    holds(
        not any(value.requires_grad for value in kept),
        "What the optimizer keeps from step to step requires a gradient: it drags the graph of every past step along. "
        "Compute it under torch.no_grad().",
    )


@given(seed=draw.seeds, hyper=HYPER, before=st.integers(1, 3), after=st.integers(1, 3), absent=st.booleans())
@example(seed=0, hyper=TYPICAL, before=2, after=2, absent=True)
@few
def test_it_goes_on_from_its_saved_state(submission, seed, hyper, before, after, absent):
    """A fresh optimizer that loads its state_dict goes on as the first one does, hyper-parameters included."""
    owners = parameters(seed)
    optimizer = build(submission, owners, **hyper)

    def slopes(number):
        # The first parameter may join late, so that counts of steps differ.
        found = gradients(seed + 1000 * number, owners)
        return [None, *found[1:]] if absent and number == 0 else found

    for number in range(before):
        step(optimizer, owners, slopes(number))
    others, begins = [nn.Parameter(parameter.detach().clone()) for parameter in owners], values(owners)
    fresh = build(submission, others)  # with the default hyper-parameters
    fresh.load_state_dict(state_through_bytes(optimizer))
    for number in range(before, before + after):
        step(optimizer, owners, slopes(number))
        step(fresh, others, slopes(number))
        what = f"after step {number + 1}, where the state_dict of step {before} was loaded,"
        have_moved(owners, begins)
        alike(others, owners, what, IN_FLOAT32)  # loading turns what is kept into the parameter's dtype


@given(seed=draw.seeds)
@few
def test_a_bare_call_uses_the_defaults(submission, seed):
    """Called with parameters alone, it uses lr 1e-3, betas (0.9, 0.999), eps 1e-8 and weight_decay 0.01."""
    owners, others = parameters(seed), parameters(seed)
    optimizer = build(submission, owners)
    oracle = torch.optim.AdamW(others, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    for number in range(3):
        start = values(owners)
        slopes = gradients(seed + 1000 * number, owners, scale=1e-8)  # so small that eps matters
        step(optimizer, owners, slopes)
        for parameter, old, slope in zip(others, start, slopes, strict=True):
            verbs.write(parameter, old)
            parameter.grad = slope
        oracle.step()
        moved, expected = ([(p - old) / 1e-3 for p, old in zip(ps, start, strict=True)] for ps in (owners, others))
        alike(
            moved,
            expected,
            f"in step {number + 1} with the defaults, in units of lr = 1e-3, the way it moved",
            ROUNDING,
        )


@given(seed=draw.seeds, hyper=HYPER)
@example(seed=0, hyper=TYPICAL)
@few
def test_a_closure_is_called_once_and_its_loss_returned(submission, seed, hyper):
    """step(closure) first calls the closure once, with gradients enabled, and in the end returns its loss."""
    owners, others = parameters(seed), parameters(seed)
    optimizer, other = build(submission, owners, **hyper), build(submission, others, **hyper)
    slopes, before = gradients(seed, owners), values(owners)
    losses = []

    def closure():
        optimizer.zero_grad()
        holds(
            torch.is_grad_enabled(),
            "step(closure) calls the closure with gradients switched off. Call it under torch.enable_grad().",
        )
        loss = sum((parameter * slope).sum() for parameter, slope in zip(owners, slopes, strict=True))
        loss.backward()
        losses.append(loss.detach().clone())
        return loss

    returned = optimizer.step(closure)
    equal(len(losses), 1, "the number of times that step(closure) called the closure")
    same(returned, losses[0], (), "what step(closure) returns, the closure's loss,")
    step(other, others, slopes)
    have_moved(owners, before)
    alike(owners, others, "after a step whose closure computed the gradients")


@given(seed=draw.seeds, hyper=HYPER, dtype=st.sampled_from([torch.float32, torch.bfloat16]))
@example(
    seed=0, hyper={"lr": 0.5, "betas": (0.9, 0.999), "eps": 1e-3, "weight_decay": 0.0}, dtype=torch.bfloat16
)  # bfloat16 cannot tell 0.999 from 1
def test_it_moves_parameters_of_any_dtype(submission, seed, hyper, dtype):
    """Parameters in float32 or bfloat16, on whatever device, stay so, and move as in float64, but for rounding."""
    hyper = hyper | {"eps": max(hyper["eps"], 1e-3)}
    owners = parameters(seed, dtype=dtype)
    exact = [nn.Parameter(parameter.detach().double()) for parameter in owners]
    slopes, oracle = gradients(seed, owners), torch.optim.AdamW(exact, **hyper)
    with Elsewhere(LIKE_IT, moved=True):
        optimizer = build(submission, owners, **hyper)
        step(optimizer, owners, slopes)
    for parameter, slope in zip(exact, slopes, strict=True):
        parameter.grad = slope.double()
    oracle.step()
    alike(owners, [parameter.detach().to(dtype) for parameter in exact], f"in {str(dtype)[6:]}, after one step")


def _pair(betas):
    return f"({betas[0]:.4g}, {betas[1]:.4g})"


def probe(submission):
    """Calls that tell the misconceptions apart."""
    other = {"lr": 0.03, "betas": (0.5, 0.6), "eps": 1.0, "weight_decay": 0.7}
    zeros = [torch.zeros(shape, dtype=torch.float64) for shape in SHAPES]
    undecayed = TYPICAL | {"weight_decay": 0.0}

    def moved(params=None, steps=3, slopes=None, scale=1.0, before=None, dtype=torch.float64, count=None, **hyper):
        """Where all parameters are after some steps. `params` groups them; `before(optimizer, number)` is called."""
        owners = parameters(1, count, dtype)
        optimizer = build(submission, owners if params is None else params(owners), **hyper)
        for number in range(steps):
            if before is not None:
                optimizer = before(optimizer, number, owners) or optimizer
            found = gradients(1000 * number, owners, scale) if slopes is None else slopes(number)
            step(optimizer, owners, found)
        return owners

    def groups(owners):
        return [{"params": owners[:2]}, {"params": owners[2:], **other}]

    def absent(*numbers):
        """The gradients of step after step, in which one parameter has none at these steps."""
        return lambda number: [
            None if number in numbers and i == 1 else slope for i, slope in enumerate(gradients(number, zeros))
        ]

    def schedule(optimizer, number, owners):
        optimizer.param_groups[0].update(lr=0.03, weight_decay=0.7) if number else None

    def reload(optimizer, number, owners):
        if number != 2:
            return None
        fresh = build(submission, owners)
        fresh.load_state_dict(state_through_bytes(optimizer))
        return fresh

    def gradients_after():
        owners = moved(steps=1, **TYPICAL)
        return [parameter.grad for parameter in owners]

    def graph():
        owners = parameters(1)
        optimizer = build(submission, owners, **TYPICAL)
        for parameter, slope in zip(owners, gradients(1, owners), strict=True):
            parameter.grad = slope.requires_grad_()
        optimizer.step()
        kept = [v for s in optimizer.state.values() for v in s.values() if isinstance(v, torch.Tensor)]
        return [all(p.is_leaf and p.requires_grad for p in owners), any(v.requires_grad for v in kept)]

    def elsewhere():
        owners = parameters(1)
        slopes = gradients(1, owners)
        try:
            with Elsewhere(LIKE_IT, moved=True):
                step(build(submission, owners, **TYPICAL), owners, slopes)
            return owners
        except LawBroken:
            return "what is on two devices meets"

    def grad_mode():
        """Whether gradients are on after a step, and after one where they were off."""
        found = []
        try:
            for mode in (torch.enable_grad, torch.no_grad):
                with mode():
                    moved(steps=1)
                    found.append(torch.is_grad_enabled())
        finally:
            torch.set_grad_enabled(True)
        return found

    def closure():
        owners = parameters(1)
        optimizer, calls = build(submission, owners, **TYPICAL), []

        def evaluate():
            calls.append(torch.is_grad_enabled())
            for parameter, slope in zip(owners, gradients(1, owners), strict=True):
                parameter.grad = slope
            return 0.5

        return [optimizer.step(evaluate), calls, owners]

    def at_work():
        kinds = []
        watch = register_optimizer_step_pre_hook(lambda optimizer, *_: kinds.extend(type(optimizer).__mro__))
        try:
            moved(steps=1)
        finally:
            watch.remove()
        return sorted({kind.__name__ for kind in kinds if kind.__module__.startswith("torch.optim.")})

    return [
        lambda: moved(**TYPICAL),
        lambda: moved(**other),
        lambda: moved(count=BY_COLUMNS, **TYPICAL),
        lambda: moved(steps=1, **(undecayed | {"eps": NOTHING})),
        lambda: moved(slopes=lambda _: gradients(1, zeros), **undecayed),
        lambda: moved(slopes=lambda _: zeros, **TYPICAL),
        lambda: moved(steps=2, slopes=absent(0, 1), **TYPICAL),
        lambda: moved(steps=4, slopes=absent(0, 1), **TYPICAL),
        lambda: moved(steps=3, slopes=absent(1), **TYPICAL),
        elsewhere,
        lambda: moved(steps=1, dtype=torch.bfloat16, lr=0.5, betas=(0.9, 0.999), eps=1e-3, weight_decay=0.0),
        grad_mode,
        lambda: moved(groups, **TYPICAL),
        lambda: moved(before=schedule, **TYPICAL),
        lambda: moved(steps=4, before=reload, **TYPICAL),
        lambda: moved(steps=2, scale=1e-8),
        lambda: moved(steps=1, dtype=torch.float32, **TYPICAL),
        gradients_after,
        graph,
        closure,
        at_work,
    ]
