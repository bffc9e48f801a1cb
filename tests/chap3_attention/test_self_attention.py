"""The laws of self-attention with queries, keys and values."""

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from kata.laws import draw, modules, observe, oracles, probes, verbs
from kata.laws.checks import holds, same, tensor
from kata.laws.draw import Sizes

AXES = ("batch", "token", "feature")
NAMES = ("W_query", "W_key", "W_value")
SIZES = draw.sizes(batch=(1, 4), tokens=(1, 7), d_in=(1, 8), d_out=(1, 8))
SEVERAL_TOKENS = draw.sizes(batch=(1, 4), tokens=(2, 6), d_in=(2, 7), d_out=(1, 7))
ONE_TOKEN = Sizes(batch=1, tokens=1, d_in=3, d_out=2)
ALL_EQUAL = Sizes(batch=3, tokens=3, d_in=3, d_out=3)
LEADING = st.lists(st.integers(1, 3), max_size=3)


def build(submission, size, seed, qkv_bias=True):
    """A SelfAttention in eval mode and float64, all parameters random."""
    return verbs.module(submission.SelfAttention, size.d_in, size.d_out, qkv_bias, seed=seed)


def inputs(size, seed):
    """A batch of sequences, in float64."""
    return draw.normal(seed, size.batch, size.tokens, size.d_in)


def projections(attention, sequence):
    """Queries, keys and values of one sequence, (tokens, d_out) each, from the module's own weights."""
    layers = (getattr(attention, name) for name in NAMES)
    return [oracles.linear(sequence, layer.weight, layer.bias).detach() for layer in layers]


@given(size=SIZES, seed=draw.seeds, qkv_bias=st.sampled_from([True, False, None]))
def test_the_projections_are_its_only_parameters(submission, size, seed, qkv_bias):
    """W_query, W_key and W_value are three linear layers and all it learns, with a bias only if asked for."""
    asked = {} if qkv_bias is None else {"qkv_bias": qkv_bias}
    attention = verbs.module(submission.SelfAttention, d_in=size.d_in, d_out=size.d_out, seed=seed, **asked)
    modules.linears_are_all(attention, {name: (size.d_in, size.d_out, bool(qkv_bias)) for name in NAMES})


def leading_axes(leading):
    """The names of the dimensions before the tokens."""
    return [*(f"dim-{index} place" for index in range(len(leading) - 1)), "sequence"][-len(leading) or 1 :]


@given(size=SIZES, seed=draw.seeds, leading=LEADING)
@example(size=ONE_TOKEN, seed=0, leading=[])
@example(size=ALL_EQUAL, seed=0, leading=[3])
@example(size=ALL_EQUAL, seed=0, leading=[2, 4])
def test_every_token_becomes_one_context_vector(submission, size, seed, leading):
    """Every token becomes one context vector of d_out features, with or without dimensions before the tokens."""
    attention = build(submission, size, seed)
    result = verbs.call(attention, draw.normal(seed, *leading, size.tokens, size.d_in))
    before = dict(zip(leading_axes(leading), leading, strict=True))
    tensor(result, before | {"tokens": size.tokens, "d_out": size.d_out}, torch.float64)


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_it_is_scaled_dot_product_attention(submission, size, seed):
    """Each context vector mixes the values by the softmax of query times key over the root of d_k."""
    attention, x = build(submission, size, seed), inputs(size, seed)[0]
    expected = oracles.attention(*projections(attention, x), scale=size.d_out**-0.5)
    same(verbs.call(attention, x), expected, ("token", "feature"))


@given(size=SIZES, seed=draw.seeds, leading=LEADING.filter(bool))
@example(size=ALL_EQUAL, seed=0, leading=[3])
@example(size=ALL_EQUAL, seed=0, leading=[2, 3])
def test_sequences_do_not_mix(submission, size, seed, leading):
    """However many sequences come at once, each comes out as it does alone."""
    attention, x = build(submission, size, seed), draw.normal(seed, *leading, size.tokens, size.d_in)
    alone = [verbs.call(attention, sequence.clone()) for sequence in x.reshape(-1, size.tokens, size.d_in)]
    expected = torch.stack(alone).reshape(*leading, size.tokens, size.d_out)
    axes = [*leading_axes(leading), "token", "feature"]
    same(
        verbs.call(attention, x),
        expected,
        axes,
        f"the result of an input {tuple(x.shape)}, beside each sequence alone,",
    )


@given(tokens=st.integers(1, 6), seed=draw.seeds)
def test_weights_are_a_distribution_over_all_tokens(submission, tokens, seed):
    """The attention weights of each token are positive over all tokens, before and after it, and sum to one."""
    attention = verbs.module(submission.SelfAttention, tokens + 3, tokens, seed=seed)
    x = observe.reveal_weights(attention, tokens, seed)
    weights = tensor(verbs.call(attention, x), {"query": tokens, "key": tokens})
    modules.weights_are_a_distribution(weights, torch.ones(tokens, tokens, dtype=torch.bool))


@given(tokens=st.integers(2, 5), copies=st.integers(1, 3), seed=draw.seeds)
@example(tokens=2, copies=1, seed=0)
def test_scores_are_divided_by_the_root_of_d_k(submission, tokens, copies, seed):
    """Before the softmax, dot products are divided by the root of d_k, the number of features of a key."""
    d_in, d_out = tokens + 3, tokens * copies
    attention = verbs.module(submission.SelfAttention, d_in, d_out, seed=seed)
    x = observe.reveal_weights(attention, tokens, seed)
    weights = tensor(verbs.call(attention, x), {"query": tokens, "d_out": d_out})[:, :tokens]
    queries, keys, _ = projections(attention, x)
    factor = observe.score_scale(queries, keys, weights)
    holds(
        abs(factor - d_out**-0.5) <= 1e-6,
        f"With d_in {d_in} and d_out {d_out}, the weights are those of dot products times {factor:.4g}. "
        f"The factor should be {d_out**-0.5:.4g}, which is 1/√{d_out}, and act before the softmax.",
    )


@given(size=SEVERAL_TOKENS, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_a_query_decides_only_for_its_own_token(submission, size, seed):
    """The query of a token decides what that token receives, and nothing of what the others receive."""
    modules.query_asks_for_itself(build(submission, size, seed), inputs(size, seed), seed)


@given(size=SIZES, seed=draw.seeds)
def test_a_query_of_zero_takes_the_mean(submission, size, seed):
    """A query of zero prefers nobody: every token receives the plain mean of the values."""
    attention, x = build(submission, size, seed, qkv_bias=False), inputs(size, seed)[0]
    verbs.write(verbs.parameter(attention, "W_query.weight"), 0.0)
    _, _, values = projections(attention, x)
    expected = values.mean(dim=0).expand(size.tokens, -1)
    same(verbs.call(attention, x), expected, ("token", "feature"), "the result for queries of zero")


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_the_order_of_tokens_does_not_matter(submission, size, seed):
    """Attention sees a set: reordering the tokens reorders the results, and changes none."""
    modules.order_is_kept(build(submission, size, seed), inputs(size, seed), seed)


@given(size=SIZES, seed=draw.seeds, larger=st.sampled_from([1e2, 1e4]))
@example(size=Sizes(batch=2, tokens=4, d_in=3, d_out=5), seed=0, larger=1e4)
def test_huge_scores_do_not_overflow(submission, size, seed, larger):
    """Huge scores, in the thousands, do not overflow: the result stays finite and right."""
    attention, x = build(submission, size, seed), inputs(size, seed)[0]
    verbs.write(attention.W_query.weight, larger * attention.W_query.weight.detach())
    expected = oracles.attention(*projections(attention, x), scale=size.d_out**-0.5)
    what = f"the result, with queries {larger:g} times as long,"
    same(verbs.call(attention, x), expected, ("token", "feature"), what, tolerance=1e-7)


@given(size=SIZES, seed=draw.seeds)
def test_a_bias_of_the_keys_changes_nothing(submission, size, seed):
    """A bias of the keys adds the same to all scores of a query, so it changes nothing."""
    attention, x = build(submission, size, seed), inputs(size, seed)
    before = verbs.call(attention, x)
    verbs.write(verbs.parameter(attention, "W_key.bias"), draw.normal(seed + 5, size.d_out))
    same(verbs.call(attention, x), before, AXES, "the result with another bias of the keys")


@given(size=SIZES, seed=draw.seeds)
def test_a_bias_of_the_values_adds_itself(submission, size, seed):
    """Weights sum to one, so a bias of the values comes out as it is, added to every result."""
    attention, x = build(submission, size, seed), inputs(size, seed)
    bias = verbs.parameter(attention, "W_value.bias")
    wanted = bias.detach().clone()
    with_bias = tensor(
        verbs.call(attention, x), {"batch": size.batch, "tokens": size.tokens, "d_out": size.d_out}, torch.float64
    )
    verbs.write(bias, 0.0)
    difference = with_bias - verbs.call(attention, x)
    same(difference, wanted.expand_as(difference), AXES, "what the bias of the values adds")


@given(size=SIZES, seed=draw.seeds)
def test_the_gradient_reaches_every_parameter(submission, size, seed):
    """The gradient reaches the weights of all three projections."""
    attention = build(submission, size, seed, qkv_bias=False)
    # With one token the only weight is 1, whatever the query and the key.
    alone = ("W_query.weight", "W_key.weight") if size.tokens == 1 else ()
    modules.gradient_reaches_every_parameter(attention, inputs(size, seed), seed, none_for=alone)


@given(size=SIZES, seed=draw.seeds)
@example(size=Sizes(batch=1, tokens=4, d_in=3, d_out=2), seed=0)
def test_the_gradient_reaches_the_input(submission, size, seed):
    """The gradient reaches the input, and is the slope that small steps measure."""
    modules.gradient_reaches_the_input(build(submission, size, seed), inputs(size, seed))


@given(size=SIZES, seed=draw.seeds)
def test_its_state_can_be_saved_and_loaded(submission, size, seed):
    """Its state_dict, saved and loaded into a fresh module, makes that module compute the same."""
    attention, fresh = build(submission, size, seed), build(submission, size, seed + 1)
    modules.state_is_complete(attention, fresh, inputs(size, seed))


@given(size=SIZES, seed=draw.seeds, dtype=st.sampled_from([torch.float32, torch.bfloat16]))
def test_it_follows_its_dtype(submission, size, seed, dtype):
    """Moved to float32 or bfloat16, it computes the same in that dtype, up to its rounding."""
    modules.computes_in(build(submission, size, seed), dtype, inputs(size, seed))


def probe(submission):
    """Calls that tell the misconceptions apart."""
    x = draw.normal(1, 2, 3, 4)  # (batch, tokens, d_in)

    def attention(qkv_bias=True, d_out=5):
        return probes.module(submission.SelfAttention, 4, d_out, qkv_bias)

    def slopes():
        built = attention()
        return probes.gradients(built, built(x[0]))

    return [
        lambda: attention()(x[0]),
        lambda: attention()(x),
        lambda: attention()(x[None]),
        lambda: attention(d_out=3)(x[:, :2]),
        lambda: attention()(100 * x[0]),
        slopes,
        lambda: sorted(name for name, _ in attention(qkv_bias=False).named_parameters()),
        lambda: sorted(name for name, _ in probes.module(submission.SelfAttention, 4, 5).named_parameters()),
    ]
