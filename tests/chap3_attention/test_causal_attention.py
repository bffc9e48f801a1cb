"""The laws of causal attention."""

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from kata.laws import draw, modules, oracles, verbs
from kata.laws.checks import holds, refuses, same, tensor
from kata.laws.draw import Sizes

AXES = ("batch", "token", "feature")
SIZES = draw.sizes(batch=(1, 4), tokens=(1, 7), d_in=(1, 8), d_out=(1, 8))
ONE_TOKEN = Sizes(batch=1, tokens=1, d_in=3, d_out=2)
ALL_EQUAL = Sizes(batch=3, tokens=3, d_in=3, d_out=3)


def build(submission, size, seed, dropout=0.0, qkv_bias=True, context_length=None):
    """A CausalAttention in eval mode and float64, all parameters random."""
    context_length = size.tokens if context_length is None else context_length
    return verbs.module(submission.CausalAttention, size.d_in, size.d_out, context_length, dropout, qkv_bias, seed=seed)


def inputs(size, seed):
    """A batch of sequences, in float64."""
    return draw.normal(seed, size.batch, size.tokens, size.d_in)


def reveal_weights(submission, tokens, seed, dropout=0.0):
    """An attention module and an input whose result *is* the attention matrix (batch 1, query, key).

    The last features of each token say which token it is; values are just those, so mixing them gives the weights.
    """
    attention = verbs.module(submission.CausalAttention, 3 + tokens, tokens, tokens, dropout, seed=seed)
    verbs.write(attention.W_value.weight, torch.eye(tokens, 3 + tokens, dtype=torch.float64).roll(3, dims=1))
    x = torch.cat([draw.normal(seed, tokens, 3), torch.eye(tokens, dtype=torch.float64)], dim=1)
    return attention, x[None]


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_every_token_becomes_one_context_vector(submission, size, seed):
    """Every token becomes one context vector of d_out features."""
    attention = build(submission, size, seed)
    result = verbs.call(attention, inputs(size, seed))
    tensor(result, {"batch": size.batch, "tokens": size.tokens, "d_out": size.d_out}, torch.float64)


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_no_position_sees_the_future(submission, size, seed):
    """No position sees the future."""
    modules.sees_no_future(build(submission, size, seed), inputs(size, seed), seed)


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_every_position_sees_itself_and_the_whole_past(submission, size, seed):
    """Every position sees itself and the whole past."""
    modules.sees_the_past(build(submission, size, seed), inputs(size, seed), seed)


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_it_is_scaled_dot_product_attention_over_the_past(submission, size, seed):
    """Each context vector mixes the values of the past by the softmax of query times key over the root of d_k."""
    attention, x = build(submission, size, seed), inputs(size, seed)
    result = verbs.call(attention, x)
    for sequence, actual in zip(x, result, strict=True):
        queries, keys, values = (
            oracles.linear(sequence, layer.weight, layer.bias)
            for layer in (attention.W_query, attention.W_key, attention.W_value)
        )
        expected = oracles.attention(queries, keys, values, scale=size.d_out**-0.5, causal=True)
        same(actual, expected, ("token", "feature"))


@given(size=SIZES, seed=draw.seeds, length=st.integers(1, 7))
@example(size=ALL_EQUAL, seed=0, length=2)
def test_a_prefix_comes_out_as_it_does_alone(submission, size, seed, length):
    """The first tokens come out the same whether or not more tokens follow, though the context would hold more."""
    attention = build(submission, size, seed, context_length=size.tokens + 2)
    modules.prefix_is_enough(attention, inputs(size, seed), min(length, size.tokens))


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_sequences_of_a_batch_do_not_mix(submission, size, seed):
    """Each sequence of a batch comes out as it does alone."""
    modules.rows_are_independent(build(submission, size, seed), inputs(size, seed))


@given(tokens=st.integers(1, 6), seed=draw.seeds)
def test_weights_are_a_distribution_over_the_past(submission, tokens, seed):
    """The attention weights of each position are positive over the past, zero over the future, and sum to one."""
    attention, x = reveal_weights(submission, tokens, seed)
    weights = tensor(verbs.call(attention, x), {"batch": 1, "query": tokens, "key": tokens})[0]
    same(weights.sum(dim=-1), torch.ones(tokens, dtype=torch.float64), ("query",), "the sum of the attention weights")
    for query in range(tokens):
        for key in range(tokens):
            weight = weights[query, key].item()
            if key > query:
                holds(abs(weight) <= 1e-12, f"Query {query} gives key {key}, in its future, the weight {weight:.3g}.")
            else:
                holds(weight > 0, f"Query {query} gives key {key}, which it may see, the weight {weight:.3g}.")


@given(size=SIZES, seed=draw.seeds, dropout=st.floats(0.2, 0.8))
def test_dropout_rests_outside_training(submission, size, seed, dropout):
    """Outside training nothing is dropped: the result is that of no dropout at all."""
    x = inputs(size, seed)
    expected = build(submission, size, seed, dropout=0.0)(x)
    same(verbs.call(build(submission, size, seed, dropout=dropout), x), expected, AXES, "the result in eval mode")


@given(tokens=st.integers(6, 12), seed=draw.seeds, dropout=st.floats(0.3, 0.7))
def test_dropout_acts_on_attention_weights_in_training(submission, tokens, seed, dropout):
    """In training each attention weight is either dropped, or kept and divided by the chance of being kept."""
    attention, x = reveal_weights(submission, tokens, seed, dropout)
    weights = verbs.call(attention, x)[0]
    torch.default_generator.manual_seed(seed)
    dropped = tensor(verbs.call(attention.train(), x), {"batch": 1, "query": tokens, "key": tokens})[0]
    again = verbs.call(attention, x)[0]
    kept = weights / (1 - dropout)
    wrong = (dropped.abs() > 1e-12) & ((dropped - kept).abs() > 1e-9)
    if wrong.any():
        query, key = wrong.nonzero()[0].tolist()
        holds(
            False,
            f"With dropout {dropout:.3g}, query {query} gives key {key} the weight {dropped[query, key].item():.6g} in "
            f"training: it should be 0 or {kept[query, key].item():.6g}, the weight {weights[query, key].item():.6g} "
            f"divided by {1 - dropout:.3g}.",
        )
    visible = tokens * (tokens + 1) // 2
    gone = int(((dropped.abs() <= 1e-12) & (weights > 1e-9)).sum())
    # Six standard deviations: a fair dropout is never accused, one that is off or inverted is found.
    spread = 6 * (visible * dropout * (1 - dropout)) ** 0.5
    holds(
        abs(gone - visible * dropout) <= spread,
        f"With dropout {dropout:.3g}, {gone} of {visible} attention weights were dropped in training.",
    )
    holds(not torch.equal(dropped, again), "Two calls in training dropped the same weights: dropout must draw anew.")


@given(size=SIZES, seed=draw.seeds, longer=st.integers(1, 3))
def test_more_tokens_than_the_context_are_refused(submission, size, seed, longer):
    """More tokens than context_length are refused, by a ValueError that names both numbers."""
    attention = build(submission, size, seed, context_length=size.tokens)
    x = draw.normal(seed, size.batch, size.tokens + longer, size.d_in)
    given = f"an input of {size.tokens + longer} tokens for a context_length of {size.tokens}"
    refuses(lambda: attention(x), given, naming=[size.tokens + longer, size.tokens])


@given(size=SIZES, seed=draw.seeds, qkv_bias=st.booleans())
def test_the_projections_are_its_only_parameters(submission, size, seed, qkv_bias):
    """W_query, W_key and W_value are its only parameters, with a bias exactly if asked for; the mask is none."""
    attention = build(submission, size, seed, qkv_bias=qkv_bias)
    names = ("W_query", "W_key", "W_value")
    for name in names:
        modules.is_a_linear(getattr(attention, name, None), size.d_in, size.d_out, qkv_bias, name)
    expected = {f"{name}.{kind}" for name in names for kind in (("weight", "bias") if qkv_bias else ("weight",))}
    found = {name for name, _ in attention.named_parameters()}
    holds(found == expected, f"Its parameters should be {sorted(expected)}, but they are {sorted(found)}.")


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


@given(size=SIZES, seed=draw.seeds)
def test_the_mask_follows_the_module_to_another_device(submission, size, seed):
    """Moved to another device, it works there: the mask moves along."""
    # The meta device computes shapes only and exists on every machine; mixing it with the CPU is an error.
    attention = build(submission, size, seed).to("meta")
    result = attention(inputs(size, seed).to("meta"))
    holds(result.device.type == "meta", f"The module is on another device, but its result is on {result.device.type}.")
