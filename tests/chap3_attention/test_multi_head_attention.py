"""The laws of multi-head attention: first of the wrapper around single heads, then of all heads at once."""

import functools

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from kata.laws import draw, modules, observe, oracles, probes, verbs
from kata.laws.checks import holds, refuses, same, tensor
from kata.laws.draw import Sizes

AXES = ("batch", "token", "feature")
NAMES = ("W_query", "W_key", "W_value")
# head_dim: features of one head. The wrapper's d_out is that of one head, the fused module's that of all of them.
SIZES = draw.sizes(batch=(1, 4), tokens=(1, 6), d_in=(1, 7), heads=(1, 5), head_dim=(1, 5))
SEVERAL_HEADS = draw.sizes(batch=(1, 3), tokens=(2, 6), d_in=(2, 7), heads=(2, 4), head_dim=(1, 5))
ONE_HEAD = Sizes(batch=2, tokens=4, d_in=3, heads=1, head_dim=5)
ONE_TOKEN = Sizes(batch=1, tokens=1, d_in=3, heads=2, head_dim=4)
ALL_EQUAL = Sizes(batch=2, tokens=2, d_in=4, heads=2, head_dim=2)
# For laws that hold or break whatever the sizes are.
few = settings(max_examples=10)


def wrapper(submission, size, seed, dropout=0.0, qkv_bias=True, context_length=None):
    """A MultiHeadAttentionWrapper in eval mode and float64, all parameters random."""
    context_length = size.tokens if context_length is None else context_length
    arguments = (size.d_in, size.head_dim, context_length, dropout, size.heads, qkv_bias)
    return verbs.module(submission.MultiHeadAttentionWrapper, *arguments, seed=seed)


def heads_of(attention, count):
    """The wrapper's heads, of which there must be `count`."""
    heads = getattr(attention, "heads", ())
    holds(len(heads) == count, f"There should be {count} modules in `heads`, but there are {len(heads)}.")
    return heads


def fused(submission, size, seed, dropout=0.0, qkv_bias=True, context_length=None):
    """A MultiHeadAttention in eval mode and float64, all parameters random."""
    context_length = size.tokens if context_length is None else context_length
    arguments = (size.d_in, size.heads * size.head_dim, context_length, dropout, size.heads, qkv_bias)
    return verbs.module(submission.MultiHeadAttention, *arguments, seed=seed)


def inputs(size, seed):
    """A batch of sequences, in float64."""
    return draw.normal(seed, size.batch, size.tokens, size.d_in)


def show_heads(attention):
    """Makes out_proj pass on what it gets, so that the result of each head can be seen."""
    weight = verbs.parameter(attention, "out_proj.weight")
    verbs.write(weight, torch.eye(len(weight), dtype=weight.dtype))
    verbs.write(verbs.parameter(attention, "out_proj.bias"), 0.0)


def projections(attention, sequence, head, head_dim):
    """Queries, keys and values of one head, (tokens, head_dim) each, from the fused module's own weights."""
    own = slice(head * head_dim, (head + 1) * head_dim)
    for name in NAMES:
        layer = getattr(attention, name)
        bias = None if layer.bias is None else layer.bias[own]
        yield oracles.linear(sequence, layer.weight[own], bias).detach()


def by_heads(attention, sequence, size):
    """What the fused module should make of one sequence, (tokens, d_out): head by head, then out_proj."""
    heads = [
        oracles.attention(*projections(attention, sequence, h, size.head_dim), scale=size.head_dim**-0.5, causal=True)
        for h in range(size.heads)
    ]
    return oracles.linear(torch.cat(heads, dim=-1), attention.out_proj.weight, attention.out_proj.bias).detach()


def place(feature, head_dim):
    """Names a feature of the concatenated heads."""
    return f"feature {feature} (which is feature {feature % head_dim} of head {feature // head_dim})"


# The wrapper.


@few
@given(size=SIZES, seed=draw.seeds, qkv_bias=st.sampled_from([True, False, None]))
@example(size=ONE_HEAD, seed=0, qkv_bias=None)
def test_the_wrapper_owns_separate_heads(submission, size, seed, qkv_bias):
    """The wrapper's `heads` are num_heads causal attentions, each with parameters of its own, in a ModuleList."""
    asked = {"d_in": size.d_in, "d_out": size.head_dim, "context_length": 5, "dropout": 0.1, "num_heads": size.heads}
    asked |= {} if qkv_bias is None else {"qkv_bias": qkv_bias}
    attention = verbs.module(submission.MultiHeadAttentionWrapper, seed=seed, **asked)
    heads = getattr(attention, "heads", None)
    holds(
        isinstance(heads, nn.ModuleList),
        f"`heads` should be an nn.ModuleList, but is a {type(heads).__name__}. In a plain list PyTorch finds no "
        "modules: no optimizer, no .to() and no state_dict would know their parameters.",
    )
    heads_of(attention, size.heads)
    linear = (size.d_in, size.head_dim, bool(qkv_bias))
    for h, head in enumerate(heads):
        twin = next((g for g in range(h) if heads[g] is head), None)
        holds(twin is None, f"Heads {twin} and {h} are one and the same module: each head needs its own weights.")
        modules.linears_are_all(head, {name: linear for name in NAMES})
    owned = {id(parameter) for parameter in heads.parameters()}
    extra = [name for name, parameter in attention.named_parameters() if id(parameter) not in owned]
    holds(not extra, f"Besides its heads, the wrapper has the parameters {', '.join(extra)}; it should have none.")


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_the_wrapper_gives_every_token_the_features_of_all_heads(submission, size, seed):
    """The wrapper gives every token d_out features from each of its heads."""
    result = verbs.call(wrapper(submission, size, seed), inputs(size, seed))
    axes = {"batch": size.batch, "tokens": size.tokens, "num_heads * d_out": size.heads * size.head_dim}
    tensor(result, axes, torch.float64)


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_HEAD, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_the_wrapper_puts_its_heads_side_by_side(submission, size, seed):
    """Features h * d_out … (h + 1) * d_out - 1 of the wrapper's result are what head h makes of the whole input."""
    attention, x = wrapper(submission, size, seed), inputs(size, seed)
    axes = {"batch": size.batch, "tokens": size.tokens, "num_heads * d_out": size.heads * size.head_dim}
    result = tensor(verbs.call(attention, x), axes, torch.float64)
    for h, head in enumerate(heads_of(attention, size.heads)):
        own = slice(h * size.head_dim, (h + 1) * size.head_dim)
        same(
            result[..., own],
            verbs.call(head, x),
            AXES,
            f"the part of head {h}, features {own.start} to {own.stop - 1},",
        )


@few
@given(size=SIZES, seed=draw.seeds, longer=st.integers(1, 3))
def test_the_wrapper_refuses_more_tokens_than_the_context(submission, size, seed, longer):
    """The wrapper refuses more tokens than context_length, by a ValueError that names both numbers, and takes fewer."""
    attention = wrapper(submission, size, seed)
    shorter = verbs.call(attention, draw.normal(seed, size.batch, 1, size.d_in))
    tensor(shorter, {"batch": size.batch, "tokens": 1, "num_heads * d_out": size.heads * size.head_dim})
    x = draw.normal(seed, size.batch, size.tokens + longer, size.d_in)
    given = f"an input of {size.tokens + longer} tokens for a context_length of {size.tokens}"
    refuses(lambda: verbs.call(attention, x), given, naming=[size.tokens + longer, size.tokens])


@few
@given(tokens=st.integers(8, 12), heads=st.integers(2, 3), seed=draw.seeds, dropout=st.floats(0.3, 0.7))
def test_the_wrapper_drops_weights_of_each_head_in_training(submission, tokens, heads, seed, dropout):
    """In training, each head of the wrapper drops attention weights of its own; outside, none does."""
    arguments = (tokens + 3, 2 * tokens, tokens, dropout, heads)
    attention = verbs.module(submission.MultiHeadAttentionWrapper, *arguments, seed=seed)
    for head in heads_of(attention, heads):
        x = observe.reveal_weights(head, tokens, seed)[None]

    def weights(what):
        axes = {"batch": 1, "tokens": tokens, "num_heads * d_out": heads * 2 * tokens}
        result = tensor(verbs.call(attention, x), axes, what=what)
        return result.detach()[0].unflatten(1, (heads, 2, tokens)).permute(1, 2, 0, 3)  # (head, copy, query, key)

    kept = weights("the result in eval mode")
    sums = kept.sum(-1)[:, 0]
    same(sums, torch.ones_like(sums), ("head", "query"), "in eval mode, the sum of the attention weights")
    attention.train()
    torch.default_generator.manual_seed(seed)
    first, second = weights("the result in training"), weights("the result in training")
    modules.dropout_acts_on_weights(kept, first, second, dropout, [f"head {h}" for h in range(heads)])


@few
@given(size=SIZES, seed=draw.seeds, dtype=st.sampled_from([torch.float32, torch.bfloat16]))
def test_the_wrapper_is_a_module_like_any_other(submission, size, seed, dtype):
    """The wrapper learns in all its heads, is saved and loaded, and follows its dtype and its device."""
    attention, x = wrapper(submission, size, seed, qkv_bias=False), inputs(size, seed)
    names = [name for name, _ in attention.named_parameters()]
    alone = tuple(name for name in names if "value" not in name) if size.tokens == 1 else ()
    modules.gradient_reaches_every_parameter(attention, x, seed, none_for=alone)
    modules.state_is_complete(attention, wrapper(submission, size, seed + 1, qkv_bias=False), x)
    modules.computes_in(attention, dtype, x)
    modules.works_on_another_device(attention.to(x.dtype), x)


# All heads in one matrix product.


@few
@given(size=SIZES, seed=draw.seeds, qkv_bias=st.sampled_from([True, False, None]))
def test_the_projections_are_its_only_parameters(submission, size, seed, qkv_bias):
    """W_query, W_key, W_value, with a bias only if asked for, and out_proj, always with one, are its parameters."""
    d_out = size.heads * size.head_dim
    asked = {"d_in": size.d_in, "d_out": d_out, "context_length": 5, "dropout": 0.1, "num_heads": size.heads}
    asked |= {} if qkv_bias is None else {"qkv_bias": qkv_bias}
    attention = verbs.module(submission.MultiHeadAttention, seed=seed, **asked)
    layers = {name: (size.d_in, d_out, bool(qkv_bias)) for name in NAMES} | {"out_proj": (d_out, d_out, True)}
    modules.linears_are_all(attention, layers)


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=ONE_HEAD, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_every_token_becomes_one_context_vector(submission, size, seed):
    """Every token becomes one context vector of d_out features, however many heads there are."""
    result = verbs.call(fused(submission, size, seed), inputs(size, seed))
    tensor(result, {"batch": size.batch, "tokens": size.tokens, "d_out": size.heads * size.head_dim}, torch.float64)


@given(d_out=st.integers(1, 30), num_heads=st.integers(2, 12), seed=draw.seeds)
@example(d_out=10, num_heads=4, seed=0)
@example(d_out=2, num_heads=3, seed=0)
def test_heads_of_unequal_size_are_refused(submission, d_out, num_heads, seed):
    """A d_out that num_heads does not divide is refused, by a ValueError that names both numbers."""
    wanted = d_out if d_out % num_heads else d_out + 1  # the next one is not divisible
    given = f"d_out {wanted} for {num_heads} heads"
    refuses(
        lambda: verbs.construct(submission.MultiHeadAttention, 3, wanted, 4, 0.0, num_heads, seed=seed),
        given,
        naming=[wanted, num_heads],
    )


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_no_position_sees_the_future(submission, size, seed):
    """No position sees the future, in any head."""
    modules.sees_no_future(fused(submission, size, seed), inputs(size, seed), seed)


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_every_position_sees_itself_and_the_whole_past(submission, size, seed):
    """Every position sees itself and the whole past."""
    attention = fused(submission, size, seed)
    # Short queries give small scores, so that no weight is too small to be noticed.
    verbs.write(attention.W_query.weight, 0.1 * attention.W_query.weight.detach())
    verbs.write(attention.W_query.bias, 0.1)
    modules.sees_the_past(attention, inputs(size, seed), seed)


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=ONE_HEAD, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_it_is_causal_attention_head_by_head(submission, size, seed):
    """Each head is scaled causal attention on its own features; the heads, side by side, go through out_proj."""
    attention, x = fused(submission, size, seed), inputs(size, seed)
    for sequence, actual in zip(x, verbs.call(attention, x), strict=True):
        same(actual, by_heads(attention, sequence, size), ("token", "feature"))


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_HEAD, seed=0)
def test_it_is_the_wrapper_followed_by_out_proj(submission, size, seed):
    """With the same weights, it computes what the wrapper computes, followed by out_proj."""
    attention, single, x = fused(submission, size, seed), wrapper(submission, size, seed), inputs(size, seed)
    for h, head in enumerate(heads_of(single, size.heads)):
        own = slice(h * size.head_dim, (h + 1) * size.head_dim)
        for name in NAMES:
            verbs.write(verbs.parameter(head, f"{name}.weight"), getattr(attention, name).weight.detach()[own])
            verbs.write(verbs.parameter(head, f"{name}.bias"), getattr(attention, name).bias.detach()[own])
    out = attention.out_proj
    expected = oracles.linear(verbs.call(single, x), out.weight, out.bias).detach()
    same(verbs.call(attention, x), expected, AXES, "the result, beside the wrapper with the same weights and out_proj,")


@given(size=SEVERAL_HEADS, seed=draw.seeds, head=st.integers(0, 3))
@example(size=Sizes(batch=1, tokens=3, d_in=5, heads=2, head_dim=4), seed=0, head=1)
@example(size=ALL_EQUAL, seed=0, head=0)
def test_each_head_owns_its_features(submission, size, seed, head):
    """Head h reads features h * head_dim … of queries, keys and values, and writes the same ones before out_proj."""
    head = min(head, size.heads - 1)
    own = range(head * size.head_dim, (head + 1) * size.head_dim)
    for name in NAMES:
        attention, x = fused(submission, size, seed), inputs(size, seed)
        show_heads(attention)
        before = verbs.call(attention, x)
        weight = verbs.parameter(attention, f"{name}.weight")
        changed = weight.detach().clone()
        changed[own.start : own.stop] += draw.normal(seed + 6, size.head_dim, size.d_in)
        verbs.write(weight, changed)
        moved = (verbs.call(attention, x) - before).abs().amax(dim=(0, 1)).tolist()
        for feature, distance in enumerate(moved):
            says = f"When only {name} of head {head} changed (rows {own.start} to {own.stop - 1}), "
            if feature in own:
                holds(distance > 1e-9, says + f"{place(feature, size.head_dim)} of what out_proj gets did not move.")
            else:
                holds(
                    distance <= 1e-9,
                    says
                    + f"{place(feature, size.head_dim)} of what out_proj gets moved by {distance:.3g}. Check how the "
                    "features are split into heads and merged again.",
                )


@given(size=SEVERAL_HEADS, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_the_order_of_heads_does_not_matter(submission, size, seed):
    """Reordering the heads, in the projections and in the columns of out_proj alike, changes nothing."""
    attention, x = fused(submission, size, seed), inputs(size, seed)
    before = verbs.call(attention, x)
    order = torch.arange(size.heads * size.head_dim).unflatten(0, (size.heads, size.head_dim)).roll(1, dims=0).flatten()
    for name in NAMES:
        for part in (getattr(attention, name).weight, getattr(attention, name).bias):
            verbs.write(part, part.detach()[order])
    verbs.write(attention.out_proj.weight, attention.out_proj.weight.detach()[:, order])
    same(verbs.call(attention, x), before, AXES, "the result with the heads in another order")


@few
@given(size=SIZES, seed=draw.seeds)
def test_out_proj_has_the_last_word(submission, size, seed):
    """out_proj has the last word: with weights of zero, its bias is all that is left."""
    attention, x = fused(submission, size, seed), inputs(size, seed)
    verbs.write(verbs.parameter(attention, "out_proj.weight"), 0.0)
    bias = verbs.parameter(attention, "out_proj.bias").detach()
    expected = bias.expand(size.batch, size.tokens, -1)
    same(verbs.call(attention, x), expected, AXES, "the result where out_proj.weight is zero")


@given(tokens=st.integers(1, 5), heads=st.integers(1, 3), seed=draw.seeds)
@example(tokens=3, heads=3, seed=0)
def test_weights_of_each_head_are_a_distribution_over_the_past(submission, tokens, heads, seed):
    """In each head, the weights of a position are positive over the past, zero over the future, and sum to one."""
    attention = verbs.module(submission.MultiHeadAttention, tokens + 3, heads * tokens, tokens, 0.0, heads, seed=seed)
    show_heads(attention)
    x = observe.reveal_weights(attention, tokens, seed)[None]
    result = tensor(verbs.call(attention, x), {"batch": 1, "tokens": tokens, "d_out": heads * tokens})[0]
    weights = result.unflatten(1, (heads, tokens)).transpose(0, 1)  # (head, query, key)
    for head in range(heads):
        past = torch.ones(tokens, tokens, dtype=torch.bool).tril()
        modules.weights_are_a_distribution(weights[head], past, f"the attention weights of head {head}")


@given(tokens=st.integers(2, 5), copies=st.integers(1, 2), heads=st.integers(2, 4), seed=draw.seeds)
@example(tokens=2, copies=1, heads=3, seed=0)
def test_scores_are_divided_by_the_root_of_head_dim(submission, tokens, copies, heads, seed):
    """Before the softmax, dot products are divided by the root of head_dim, the features of one head's key."""
    d_in, head_dim = tokens + 3, tokens * copies
    attention = verbs.module(submission.MultiHeadAttention, d_in, heads * head_dim, tokens, 0.0, heads, seed=seed)
    show_heads(attention)
    x = observe.reveal_weights(attention, tokens, seed)
    result = tensor(verbs.call(attention, x[None]), {"batch": 1, "tokens": tokens, "d_out": heads * head_dim})[0]
    for head in range(heads):
        queries, keys, _ = projections(attention, x, head, head_dim)
        first = head * head_dim
        factor = observe.score_scale(queries, keys, result[:, first : first + tokens], causal=True)
        holds(
            abs(factor - head_dim**-0.5) <= 1e-6,
            f"With d_out {heads * head_dim} in {heads} heads, the weights of head {head} are of dot products times "
            f"{factor:.4g}. The factor should be {head_dim**-0.5:.4g}, which is 1/√{head_dim}, before the softmax.",
        )


@given(size=SEVERAL_HEADS, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_a_query_decides_only_for_its_own_token(submission, size, seed):
    """The query of a token decides what that token receives, and nothing of what the others receive."""
    modules.query_asks_for_itself(fused(submission, size, seed), inputs(size, seed), seed)


@given(size=SIZES, seed=draw.seeds, length=st.integers(1, 6))
@example(size=ALL_EQUAL, seed=0, length=2)
def test_a_prefix_comes_out_as_it_does_alone(submission, size, seed, length):
    """The first tokens come out the same whether or not more tokens follow, though the context would hold more."""
    attention, x = fused(submission, size, seed, context_length=size.tokens + 2), inputs(size, seed)
    attention(x[:, :1])  # whatever a first call leaves behind must serve longer inputs, too
    modules.prefix_is_enough(attention, x, min(length, size.tokens))


@given(size=SIZES, seed=draw.seeds)
@example(size=Sizes(batch=3, tokens=3, d_in=3, heads=3, head_dim=3), seed=0)
def test_sequences_of_a_batch_do_not_mix(submission, size, seed):
    """Each sequence of a batch comes out as it does alone."""
    modules.rows_are_independent(fused(submission, size, seed), inputs(size, seed))


@given(size=SIZES, seed=draw.seeds, larger=st.sampled_from([1e2, 1e4]))
@example(size=Sizes(batch=2, tokens=4, d_in=3, heads=1, head_dim=5), seed=0, larger=1e4)
def test_no_score_is_so_low_that_the_future_wins(submission, size, seed, larger):
    """Scores of many thousands do not overflow, and none is so low that a hidden position weighs more."""
    attention, x = fused(submission, size, seed), inputs(size, seed)
    verbs.write(attention.W_query.weight, larger * attention.W_query.weight.detach())
    what = f"the result, with queries {larger:g} times as long,"
    for sequence, actual in zip(x, verbs.call(attention, x), strict=True):
        same(actual, by_heads(attention, sequence, size), ("token", "feature"), what, tolerance=1e-7)


@few
@given(size=SIZES, seed=draw.seeds, longer=st.integers(1, 3))
def test_more_tokens_than_the_context_are_refused(submission, size, seed, longer):
    """More tokens than context_length are refused, by a ValueError that names both numbers."""
    attention = fused(submission, size, seed, context_length=size.tokens)
    x = draw.normal(seed, size.batch, size.tokens + longer, size.d_in)
    given = f"an input of {size.tokens + longer} tokens for a context_length of {size.tokens}"
    refuses(lambda: verbs.call(attention, x), given, naming=[size.tokens + longer, size.tokens])


@given(size=SIZES, seed=draw.seeds, dropout=st.floats(0.2, 0.8))
def test_dropout_rests_outside_training(submission, size, seed, dropout):
    """Outside training nothing is dropped, and with a dropout of 0 never."""
    x, without = inputs(size, seed), fused(submission, size, seed, dropout=0.0)
    expected = without(x)
    same(verbs.call(fused(submission, size, seed, dropout=dropout), x), expected, AXES, "the result in eval mode")
    same(verbs.call(without.train(), x), expected, AXES, "the result in training, with dropout 0,")


@few
@given(tokens=st.integers(8, 12), heads=st.integers(2, 3), seed=draw.seeds, dropout=st.floats(0.3, 0.7))
def test_dropout_acts_on_the_weights_of_each_head_in_training(submission, tokens, heads, seed, dropout):
    """In training each weight of each head is either dropped, or kept and divided by the chance of being kept."""
    arguments = (tokens + 3, heads * 2 * tokens, tokens, dropout, heads)
    attention = verbs.module(submission.MultiHeadAttention, *arguments, seed=seed)
    show_heads(attention)
    x = observe.reveal_weights(attention, tokens, seed)[None]

    def weights(what):
        axes = {"batch": 1, "tokens": tokens, "d_out": heads * 2 * tokens}
        result = tensor(verbs.call(attention, x), axes, what=what)
        return result.detach()[0].unflatten(1, (heads, 2, tokens)).permute(1, 2, 0, 3)  # (head, copy, query, key)

    kept = weights("the result in eval mode")
    attention.train()
    torch.default_generator.manual_seed(seed)
    first, second = weights("the result in training"), weights("the result in training")
    modules.dropout_acts_on_weights(kept, first, second, dropout, [f"head {h}" for h in range(heads)])


@few
@given(size=SIZES, seed=draw.seeds)
def test_the_gradient_reaches_every_parameter(submission, size, seed):
    """The gradient reaches every weight, and the bias of out_proj."""
    attention = fused(submission, size, seed, qkv_bias=False)
    # With one token the only weight is 1, whatever the query and the key.
    alone = ("W_query.weight", "W_key.weight") if size.tokens == 1 else ()
    modules.gradient_reaches_every_parameter(attention, inputs(size, seed), seed, none_for=alone)


@few
@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_the_gradient_reaches_the_input(submission, size, seed):
    """The gradient reaches the input, and is the slope that small steps measure."""
    modules.gradient_reaches_the_input(fused(submission, size, seed), inputs(size, seed))


@few
@given(size=SIZES, seed=draw.seeds)
def test_its_state_can_be_saved_and_loaded(submission, size, seed):
    """Its state_dict, saved and loaded into a fresh module, makes that module compute the same."""
    attention, fresh = fused(submission, size, seed), fused(submission, size, seed + 1)
    modules.state_is_complete(attention, fresh, inputs(size, seed))


@given(size=SIZES, seed=draw.seeds, dtype=st.sampled_from([torch.float32, torch.bfloat16]))
def test_it_follows_its_dtype(submission, size, seed, dtype):
    """Moved to float32 or bfloat16, it computes the same in that dtype, up to its rounding."""
    modules.computes_in(fused(submission, size, seed), dtype, inputs(size, seed))


@few
@given(size=SIZES, seed=draw.seeds)
def test_the_mask_follows_the_module_to_another_device(submission, size, seed):
    """Moved to another device, it works there: the mask moves along."""
    modules.works_on_another_device(fused(submission, size, seed), inputs(size, seed))


def probe(submission):
    """Calls that tell the misconceptions apart, those of the wrapper first."""
    x = draw.normal(1, 3, 5, 4)  # (batch, tokens, d_in)
    many = 8  # tokens, where dropout must leave out some weights and keep some

    def build_wrapper(dropout=0.0, context_length=9, **named):
        return probes.module(submission.MultiHeadAttentionWrapper, 4, 7, context_length, dropout, 2, **named)

    def build_fused(d_in=4, d_out=14, context_length=9, dropout=0.0, **named):
        return probes.module(submission.MultiHeadAttention, d_in, d_out, context_length, dropout, 2, **named)

    # For calls that change nothing in them.
    wrapped, fused = functools.cache(build_wrapper), functools.cache(build_fused)

    def of_layers(named):
        return sorted((name, value) for name, value in named if "W_" in name or "out_proj" in name)

    def shapes(built):
        return of_layers((name, list(parameter.shape)) for name, parameter in built.named_parameters())

    def slopes():
        built = build_fused(qkv_bias=True)
        return [(name, slope) for name, slope in probes.gradients(built, built(x)) if "W_" in name]

    def on_another_device():
        built = build_fused()
        built(x)
        return built.to("meta")(x.to("meta")).device.type

    def numbers_named(call, *numbers):
        try:
            call()
        except ValueError as error:
            return [number in str(error) for number in numbers]
        except RuntimeError as error:  # what is not refused may fail by itself
            if isinstance(error, NotImplementedError):
                raise
        return "not refused"

    @functools.cache
    def dropped():
        """By what training multiplies each weight: (call, head, copy, query, key), of six calls, with equal copies."""
        sizes = {"d_in": many + 3, "d_out": 2 * 2 * many, "context_length": many}
        built = build_fused(**sizes, dropout=0.25)
        show_heads(built)
        sequence = observe.reveal_weights(built, many, 3)[None]
        resting = built(sequence)
        built.train()
        ratios = torch.cat([built(sequence) for _ in range(6)]).detach() / resting.detach()
        return ratios.unflatten(2, (2, 2, many)).permute(0, 2, 3, 1, 4)

    def factors():
        past = dropped()[..., *torch.tril_indices(many, many, -1)]
        kept = past[past != 0]
        return [len(kept) < past.numel(), round(kept[0].item(), 6) if torch.allclose(kept, kept[0]) else None]

    def alike(some, others):
        return torch.allclose(some.expand_as(others).tril(), others.tril(), equal_nan=True)

    return [
        lambda: wrapped(context_length=5, qkv_bias=True)(x),
        lambda: wrapped()(x),
        lambda: shapes(wrapped()),
        lambda: shapes(wrapped(context_length=5, qkv_bias=True)),
        lambda: numbers_named(lambda: wrapped()(draw.normal(2, 3, 11, 4)), "11", "9"),
        lambda: torch.allclose(build_wrapper(dropout=0.9).train()(x), wrapped()(x)),
        lambda: fused(context_length=5, qkv_bias=True)(x),
        lambda: fused()(x),
        lambda: str(build_fused().float()(x.float()).dtype),
        lambda: shapes(fused()),
        lambda: shapes(fused(context_length=5, qkv_bias=True)),
        slopes,
        on_another_device,
        lambda: numbers_named(lambda: fused()(draw.normal(2, 3, 11, 4)), "11", "9"),
        lambda: numbers_named(lambda: build_fused(d_out=15), "15", "2"),
        lambda: torch.allclose(fused(dropout=0.9)(x), fused()(x)),
        factors,
        lambda: alike(dropped()[:, :1], dropped()),
        lambda: alike(dropped()[:, :, :1], dropped()),
        lambda: alike(dropped()[:, :, :, -1:], dropped()),
        lambda: bool((build_fused(dropout=0.9).train()(x) == 0).any()),
    ]
