"""The laws of layer normalisation."""

import functools

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from kata.laws import draw, modules, probes, verbs
from kata.laws.checks import holds, same, tensor

AXES = ("sample", "batch", "token", "feature")
# The last size is emb_dim; before it stand none to three others.
SHAPES = st.lists(st.integers(1, 6), min_size=1, max_size=4, unique=True).map(tuple)
WIDE = SHAPES.filter(lambda shape: shape[-1] > 1)  # a single feature is its own mean
MATRICES = st.lists(st.integers(2, 6), min_size=2, max_size=3, unique=True).map(tuple)
ALL_EQUAL = (3, 3, 3)
ONE_FEATURE = (2, 3, 1)
# Powers of two: they are the same number in every dtype.
EPS = st.integers(0, 20).map(lambda k: 2.0**-k)
TINY = 2.0**-50
# For laws that hold or break whatever the sizes are.
few = settings(max_examples=10)


def build(submission, emb_dim, seed, eps=2.0**-10):
    """A LayerNorm in eval mode and float64, with a random scale and shift."""
    return verbs.module(submission.LayerNorm, emb_dim, eps, seed=seed)


def plain(submission, emb_dim, *eps):
    """A LayerNorm in float64 that neither scales nor shifts; with its own default where no eps is given."""
    norm = verbs.module(submission.LayerNorm, emb_dim, *eps, seed=0)
    verbs.write(verbs.parameter(norm, "scale"), 1.0)
    verbs.write(verbs.parameter(norm, "shift"), 0.0)
    return norm


def axes(x):
    """The names of the dimensions of x."""
    return AXES[-x.dim() :]


def shaped(x):
    """The names of the dimensions of x, with their sizes."""
    return dict(zip(axes(x), x.shape, strict=True))


def spread(shape, seed):
    """Tokens whose features are never close to each other, in float64: their variance is about 1 or more."""
    return 0.3 * draw.normal(seed, *shape) + torch.linspace(-2, 2, shape[-1], dtype=torch.float64)


def of_variance(variance, emb_dim, seed):
    """One token, (1, emb_dim), of exactly this (biased) variance and some mean, and its distances from the mean."""
    x = spread((emb_dim,), seed)
    distances = x - x.mean()
    distances = distances * (variance / (distances**2).mean()) ** 0.5
    return (distances + draw.normal(seed + 1, 1))[None], distances


def divisor(norm, x, distances):
    """By what `norm`, which neither scales nor shifts, divided the distances from the mean of its only token."""
    result = tensor(verbs.call(norm, x), {"token": 1, "feature": len(distances)}, torch.float64)[0]
    return ((distances * distances).sum() / (distances * result).sum()).item()


@few
@given(emb_dim=st.integers(1, 9), eps=st.none() | EPS, seed=draw.seeds)
def test_scale_and_shift_are_its_only_parameters(submission, emb_dim, eps, seed):
    """`scale` and `shift`, emb_dim numbers each, are its only parameters."""
    asked = {"emb_dim": emb_dim} | ({} if eps is None else {"eps": eps})
    norm = verbs.module(submission.LayerNorm, seed=seed, **asked)
    own = {name: verbs.parameter(norm, name) for name in ("scale", "shift")}
    for name, parameter in own.items():
        shape = tuple(parameter.shape)
        holds(
            shape == (emb_dim,), f"With emb_dim {emb_dim}, the shape of `{name}` should be ({emb_dim},), not {shape}."
        )
    holds(own["scale"] is not own["shift"], "`scale` and `shift` are one and the same parameter: each needs its own.")
    known = {id(parameter): name for name, parameter in norm.named_parameters()}
    extra = sorted(name for key, name in known.items() if key not in {id(parameter) for parameter in own.values()})
    holds(not extra, f"It has parameters beyond `scale` and `shift`: {', '.join(extra)}. Nothing else is learnt here.")


@few
@given(emb_dim=st.integers(1, 9), seed=draw.seeds)
def test_it_begins_with_a_scale_of_one_and_a_shift_of_zero(submission, emb_dim, seed):
    """Before anything is learnt, the scale is 1 and the shift is 0 for every feature."""
    norm = verbs.construct(submission.LayerNorm, emb_dim, seed=seed)
    for name, wanted in (("scale", 1.0), ("shift", 0.0)):
        found = verbs.parameter(norm, name).detach()
        same(found, torch.full((emb_dim,), wanted), ("feature",), f"`{name}` of a new LayerNorm", got="it is")


@given(shape=WIDE, seed=draw.seeds)
@example(shape=(3,), seed=0)
@example(shape=ALL_EQUAL, seed=0)
def test_any_number_of_dimensions_may_stand_before_the_features(submission, shape, seed):
    """The result has the shape of the input, which is left as it was, and is the same however tokens are arranged."""
    norm = build(submission, shape[-1], seed)
    # Seen through a transpose: a tensor need not lie in memory in the order of its indices.
    x = draw.normal(seed, *shape[::-1]).permute(*reversed(range(len(shape))))
    result = tensor(verbs.call(norm, x), shaped(x), torch.float64)
    line = x.reshape(-1, shape[-1])
    modules.alike(
        result.reshape(line.shape),
        verbs.call(norm, line),
        ("token", "feature"),
        f"the result for an input of shape {shape}",
        f"the same tokens in shape {tuple(line.shape)}",
    )


@given(shape=WIDE, seed=draw.seeds)
@example(shape=ALL_EQUAL, seed=0)
def test_each_feature_is_scaled_and_then_shifted(submission, shape, seed):
    """Each normalised feature is multiplied by its own scale, and then its own shift is added."""
    norm, x = build(submission, shape[-1], seed), draw.normal(seed, *shape)
    eps = 2.0**-10
    normalised = tensor(verbs.call(plain(submission, shape[-1], eps), x), shaped(x), torch.float64).detach()
    scale, shift = (verbs.parameter(norm, name).detach() for name in ("scale", "shift"))
    same(verbs.call(norm, x), scale * normalised + shift, axes(x), "scale * normalised + shift")


@given(shape=WIDE, seed=draw.seeds)
@example(shape=ALL_EQUAL, seed=0)
@example(shape=(2,), seed=0)
def test_the_features_of_a_token_get_mean_0(submission, shape, seed):
    """Before scale and shift, the features of each token have mean 0."""
    x = draw.normal(seed, *shape) + 3
    result = tensor(verbs.call(plain(submission, shape[-1], TINY), x), shaped(x), torch.float64)
    means = result.mean(-1)
    same(means, torch.zeros_like(means), axes(x)[:-1], "the mean of the result's features", 1e-6, got="it is")


@given(shape=WIDE, seed=draw.seeds)
@example(shape=ALL_EQUAL, seed=0)
@example(shape=(2,), seed=0)
def test_the_features_of_a_token_get_variance_1(submission, shape, seed):
    """Before scale and shift, the features of each token have variance 1, where eps is small beside their own."""
    x = 7 * spread(shape, seed) + 3
    result = tensor(verbs.call(plain(submission, shape[-1], TINY), x), shaped(x), torch.float64)
    variances = ((result - result.mean(-1, keepdim=True)) ** 2).mean(-1)
    same(
        variances, torch.ones_like(variances), axes(x)[:-1], "the variance of the result's features", 1e-6, got="it is"
    )


@given(emb_dim=st.integers(2, 9), seed=draw.seeds, eps=EPS, ratio=st.sampled_from([1 / 16, 1 / 4, 1.0, 4.0]))
@example(emb_dim=3, seed=0, eps=2.0**-10, ratio=1.0)
def test_eps_is_added_to_the_variance_inside_the_root(submission, emb_dim, seed, eps, ratio):
    """What is divided by is the root of the variance plus eps: it shows where the variance is as small as eps."""
    x, distances = of_variance(ratio * eps, emb_dim, seed)
    by, wanted = divisor(plain(submission, emb_dim, eps), x, distances), (ratio * eps + eps) ** 0.5
    holds(
        abs(by - wanted) <= 1e-6 * wanted,
        f"With variance {ratio * eps:.4g} and eps {eps:.4g} you divided by {by:.6g}. It should be {wanted:.6g}, "
        "the root of the sum of the two.",
    )


@given(emb_dim=st.integers(2, 9), seed=draw.seeds)
@example(emb_dim=2, seed=0)
def test_the_variance_is_divided_by_the_number_of_features(submission, emb_dim, seed):
    """The variance is the sum of squared distances from the mean, divided by emb_dim and not by emb_dim - 1."""
    x, distances = of_variance(4.0, emb_dim, seed)
    squared = divisor(plain(submission, emb_dim, TINY), x, distances) ** 2
    count = 4.0 * emb_dim / squared
    less = abs(count - (emb_dim - 1)) <= 1e-3
    why = f", as if they were {emb_dim - 1}. Torch's var and std need correction=0 for this." if less else "."
    holds(
        abs(count - emb_dim) <= 1e-6 * emb_dim,
        f"The squared distances of {emb_dim} features sum to {4 * emb_dim}, so their variance is 4, and eps, "
        f"{TINY:.1g} here, is nothing beside it; you divided by the root of {squared:.7g}{why}",
    )


@given(emb_dim=st.integers(2, 9), seed=draw.seeds)
@example(emb_dim=4, seed=0)
def test_eps_is_1e_5_unless_told_otherwise(submission, emb_dim, seed):
    """Where no eps is given, it is 1e-5."""
    x, distances = of_variance(1e-5, emb_dim, seed)
    by, wanted = divisor(plain(submission, emb_dim), x, distances), 2e-5**0.5
    holds(
        abs(by - wanted) <= 1e-6 * wanted,
        f"With variance 1e-05 and no eps given you divided by {by:.6g}. It should be {wanted:.6g}, the root of "
        "1e-05 + 1e-05.",
    )


@given(shape=SHAPES, seed=draw.seeds, eps=EPS, value=st.sampled_from([0.0, 0.1, -3.0, 1000.0]))
@example(shape=(2, 4), seed=0, eps=2.0**-10, value=0.0)
@example(shape=ONE_FEATURE, seed=0, eps=2.0**-10, value=0.1)
def test_a_token_of_equal_features_becomes_the_shift(submission, shape, seed, eps, value):
    """A token whose features are all equal becomes the shift: nothing is divided by zero, thanks to eps."""
    norm, x = build(submission, shape[-1], seed, eps), torch.full(shape, value, dtype=torch.float64)
    expected = verbs.parameter(norm, "shift").detach().expand(shape)
    same(verbs.call(norm, x), expected, axes(x), f"the result where every feature is {value:g}")


@given(shape=WIDE, seed=draw.seeds, far=st.sampled_from([1.0, 10.0, 100.0]))
@example(shape=ALL_EQUAL, seed=0, far=10.0)
def test_adding_a_number_to_all_features_changes_nothing(submission, shape, seed, far):
    """Adding a number to all features of a token, another for each token, changes nothing."""
    norm, x = build(submission, shape[-1], seed), draw.normal(seed, *shape)
    moved = x + far * draw.normal(seed + 1, *shape[:-1], 1)
    what = f"the result, after about {far:g} was added to each token,"
    # Digits that the sum rounds away are nobody's mistake.
    same(verbs.call(norm, moved), verbs.call(norm, x), axes(x), what, tolerance=1e-6)


@given(shape=WIDE, seed=draw.seeds, factor=st.sampled_from([0.125, 0.5, 8.0, 32.0]), eps=EPS)
@example(shape=ALL_EQUAL, seed=0, factor=8.0, eps=2.0**-10)
def test_the_unit_of_the_features_does_not_matter(submission, shape, seed, factor, eps):
    """Features c times as large come out the same, if eps, which is added to their variance, is c² times as large."""
    norm, other = build(submission, shape[-1], seed, eps), build(submission, shape[-1], seed, factor**2 * eps)
    x = draw.normal(seed, *shape)
    what = f"the result for features {factor:g} times as large, and eps {factor**2:g} times,"
    same(verbs.call(other, factor * x), verbs.call(norm, x), axes(x), what)
    # Upside down, the distances from the mean change their sign, and nothing else does.
    shift = verbs.parameter(norm, "shift").detach()
    less = verbs.call(norm, -x) - shift
    same(less, shift - verbs.call(norm, x), axes(x), "the result of -x, minus the shift,", got="it is")


@given(shape=MATRICES, seed=draw.seeds)
@example(shape=(2, 2), seed=0)
@example(shape=ALL_EQUAL, seed=0)
def test_each_token_is_normalised_on_its_own(submission, shape, seed):
    """Each token is normalised by its own mean and variance: what the other tokens are does not matter."""
    norm, x = build(submission, shape[-1], seed), draw.normal(seed, *shape)
    before = tensor(verbs.call(norm, x), shaped(x), torch.float64)
    place = tuple(int(draw.integers(seed + index, size, 1)) for index, size in enumerate(shape[:-1]))
    crowd = 20 * draw.normal(seed + 7, *shape) + 5
    crowd[place] = x[place]
    after = tensor(verbs.call(norm, crowd), shaped(x), torch.float64)
    where = ", ".join(f"{name} {index}" for name, index in zip(axes(x), place, strict=False))
    same(after[place], before[place], ("feature",), f"the result at {where}, where only other tokens changed,")


@given(shape=WIDE, seed=draw.seeds)
@example(shape=ALL_EQUAL, seed=0)
def test_it_remembers_nothing(submission, shape, seed):
    """The result does not depend on earlier calls, nor on the mode: training and use are alike."""
    norm, x = build(submission, shape[-1], seed), draw.normal(seed, *shape)
    expected = tensor(verbs.call(norm, x), shaped(x), torch.float64).detach().clone()
    norm.train()
    verbs.call(norm, 10 * draw.normal(seed + 1, *shape) + 4)
    same(verbs.call(norm, x), expected, axes(x), "the result in training, after another call,")
    same(verbs.call(norm.eval(), x), expected, axes(x), "the result in eval mode, after calls in training,")


@given(shape=SHAPES, seed=draw.seeds, eps=EPS)
@example(shape=ALL_EQUAL, seed=0, eps=1.0)
@example(shape=ONE_FEATURE, seed=0, eps=2.0**-10)
def test_it_is_layer_normalisation(submission, shape, seed, eps):
    """It computes what torch.nn.LayerNorm computes, with the same scale, shift and eps."""
    norm, x = build(submission, shape[-1], seed, eps), draw.normal(seed, *shape) + 0.5
    scale, shift = (verbs.parameter(norm, name).detach() for name in ("scale", "shift"))
    expected = nn.functional.layer_norm(x, shape[-1:], scale, shift, eps)
    same(verbs.call(norm, x), expected, axes(x))


@few
@given(shape=WIDE, seed=draw.seeds)
@example(shape=ALL_EQUAL, seed=0)
def test_the_gradient_reaches_scale_and_shift(submission, shape, seed):
    """The gradient reaches the scale and the shift."""
    norm, x = build(submission, shape[-1], seed), spread(shape, seed)
    modules.gradient_reaches_every_parameter(norm, x, seed)


@few
@given(shape=WIDE, seed=draw.seeds, eps=EPS)
@example(shape=(2, 4), seed=0, eps=2.0**-10)
def test_the_gradient_reaches_the_input(submission, shape, seed, eps):
    """The gradient reaches the input through the mean and variance too: it is the slope that small steps measure."""
    norm = build(submission, shape[-1], seed, eps)
    modules.gradient_reaches_the_input(norm, spread(shape, seed))
    alike = torch.full(shape, 0.5, dtype=torch.float64, requires_grad=True)
    (verbs.call(norm, alike) * draw.normal(seed, *shape)).sum().backward()
    holds(
        bool(torch.isfinite(alike.grad).all()),
        "Where all features of a token are equal, the gradient of the input holds NaN or infinity. At a variance of 0 "
        "the slope of the root is infinite: take the root of variance plus eps, and of nothing else.",
    )


@few
@given(shape=WIDE, seed=draw.seeds)
def test_its_state_can_be_saved_and_loaded(submission, shape, seed):
    """Its state_dict, saved and loaded into a fresh module, makes that module compute the same."""
    x = draw.normal(seed, *shape)
    norm, fresh = build(submission, shape[-1], seed), build(submission, shape[-1], seed + 1)
    modules.state_is_complete(norm, fresh, x, axes(x))


@given(shape=WIDE, seed=draw.seeds, dtype=st.sampled_from([torch.float32, torch.bfloat16]))
@example(shape=(2, 4), seed=0, dtype=torch.bfloat16)
def test_it_follows_its_dtype(submission, shape, seed, dtype):
    """Moved to float32 or bfloat16, it computes the same in that dtype, up to its rounding."""
    x = spread(shape, seed)
    modules.computes_in(build(submission, shape[-1], seed), dtype, x, axes(x))


@few
@given(shape=WIDE, seed=draw.seeds)
def test_it_follows_its_device(submission, shape, seed):
    """Moved to another device, it works there."""
    modules.works_on_another_device(build(submission, shape[-1], seed), draw.normal(seed, *shape))


def probe(submission):
    """Calls that tell the misconceptions apart."""
    x = 2 * draw.normal(1, 2, 3, 4) + 1  # (batch, tokens, emb_dim)

    def build(emb_dim=4, **named):
        norm = probes.module(submission.LayerNorm, emb_dim, **named)
        for seed, name in enumerate(("scale", "shift"), 2):
            verbs.write(getattr(norm, name), draw.normal(seed, emb_dim))
        return norm

    norm = functools.cache(build)  # for calls that change nothing in it

    def parameters():
        made = verbs.construct(submission.LayerNorm, 4)
        known = {id(parameter) for parameter in made.parameters()}
        return [[list(value.shape), id(value) in known] for value in (made.scale, made.shift)]

    def at_first():
        made = verbs.construct(submission.LayerNorm, 4)
        return [made.scale.sum().item(), made.shift.sum().item()]

    def input_afterwards():
        given = x.clone()
        norm()(given)
        return torch.equal(given, x)

    def slope():
        leaf = x.clone().requires_grad_()
        (norm(eps=0.5)(leaf) * draw.normal(4, *x.shape)).sum().backward()
        return leaf.grad

    def slope_where_all_are_equal():
        leaf = torch.full((2, 4), 0.5, dtype=torch.float64, requires_grad=True)
        (norm()(leaf) * draw.normal(4, 2, 4)).sum().backward()
        return leaf.grad.isfinite()

    def slopes():
        if not list((built := build()).parameters()):
            return "nothing is learnt"
        (built(x.clone()) * draw.normal(4, *x.shape)).sum().backward()
        return [built.scale.grad, built.shift.grad]

    def in_training():
        return build().train()(x.clone())

    def after_training():
        built = build().train()
        built(10 * x + 3)
        return built.eval()(x.clone())

    return [
        lambda: norm()(x.clone()),
        lambda: norm(eps=0.5)(x.clone()),
        lambda: norm()(x[0].clone()),
        lambda: norm()(x[0, 0].clone()),
        lambda: norm()(torch.stack([x, 2 * x])),
        lambda: norm()(1e-3 * x),
        lambda: norm()(torch.zeros(2, 4, dtype=torch.float64)),
        in_training,
        after_training,
        parameters,
        at_first,
        input_afterwards,
        slope,
        slope_where_all_are_equal,
        slopes,
        lambda: str(build().bfloat16()(x.bfloat16()).dtype),
    ]
