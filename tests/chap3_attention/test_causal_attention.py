"""The laws of causal attention."""

import functools

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from kata.laws import draw, modules, observe, oracles, probes, verbs
from kata.laws.checks import holds, refuses, same, tensor
from kata.laws.draw import Sizes

AXES = ("batch", "token", "feature")
NAMES = ("W_query", "W_key", "W_value")
SIZES = draw.sizes(batch=(1, 4), tokens=(1, 7), d_in=(1, 8), d_out=(1, 8))
SEVERAL_TOKENS = draw.sizes(batch=(1, 4), tokens=(2, 6), d_in=(2, 7), d_out=(1, 7))
ONE_TOKEN = Sizes(batch=1, tokens=1, d_in=3, d_out=2)
ALL_EQUAL = Sizes(batch=3, tokens=3, d_in=3, d_out=3)


def build(submission, size, seed, dropout=0.0, qkv_bias=True, context_length=None):
    """A CausalAttention in eval mode and float64, all parameters random."""
    context_length = size.tokens if context_length is None else context_length
    return verbs.module(submission.CausalAttention, size.d_in, size.d_out, context_length, dropout, qkv_bias, seed=seed)


def inputs(size, seed):
    """A batch of sequences, in float64."""
    return draw.normal(seed, size.batch, size.tokens, size.d_in)


def projections(attention, sequence):
    """Queries, keys and values of one sequence, (tokens, d_out) each, from the module's own weights."""
    layers = (getattr(attention, name) for name in NAMES)
    return [oracles.linear(sequence, layer.weight, layer.bias).detach() for layer in layers]


@given(size=SIZES, seed=draw.seeds, qkv_bias=st.sampled_from([True, False, None]))
def test_the_projections_are_its_only_parameters(submission, size, seed, qkv_bias):
    """W_query, W_key and W_value are its only parameters, with a bias only if asked for; the mask is none."""
    asked = {"d_in": size.d_in, "d_out": size.d_out, "context_length": 5, "dropout": 0.1}
    asked |= {} if qkv_bias is None else {"qkv_bias": qkv_bias}
    attention = verbs.module(submission.CausalAttention, seed=seed, **asked)
    modules.linears_are_all(attention, {name: (size.d_in, size.d_out, bool(qkv_bias)) for name in NAMES})


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
    attention = build(submission, size, seed)
    # Short queries give small scores, so that no weight is too small to be noticed.
    verbs.write(attention.W_query.weight, 0.1 * attention.W_query.weight.detach())
    verbs.write(attention.W_query.bias, 0.1)
    modules.sees_the_past(attention, inputs(size, seed), seed)


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_it_is_scaled_dot_product_attention_over_the_past(submission, size, seed):
    """Each context vector mixes the values of the past by the softmax of query times key over the root of d_k."""
    attention, x = build(submission, size, seed), inputs(size, seed)
    result = verbs.call(attention, x)
    for sequence, actual in zip(x, result, strict=True):
        expected = oracles.attention(*projections(attention, sequence), scale=size.d_out**-0.5, causal=True)
        same(actual, expected, ("token", "feature"))


@given(size=SIZES, seed=draw.seeds, length=st.integers(1, 7))
@example(size=ALL_EQUAL, seed=0, length=2)
def test_a_prefix_comes_out_as_it_does_alone(submission, size, seed, length):
    """The first tokens come out the same whether or not more tokens follow, though the context would hold more."""
    attention, x = build(submission, size, seed, context_length=size.tokens + 2), inputs(size, seed)
    verbs.call(attention, x[:, :1])  # whatever a first call leaves behind must serve longer inputs, too
    modules.prefix_is_enough(attention, x, min(length, size.tokens))


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_sequences_of_a_batch_do_not_mix(submission, size, seed):
    """Each sequence of a batch comes out as it does alone."""
    modules.rows_are_independent(build(submission, size, seed), inputs(size, seed))


@given(tokens=st.integers(1, 6), seed=draw.seeds)
def test_weights_are_a_distribution_over_the_past(submission, tokens, seed):
    """The attention weights of each position are positive over the past, zero over the future, and sum to one."""
    attention = verbs.module(submission.CausalAttention, tokens + 3, tokens, tokens, 0.0, seed=seed)
    x = observe.reveal_weights(attention, tokens, seed)[None]
    weights = tensor(verbs.call(attention, x), {"batch": 1, "query": tokens, "key": tokens})[0]
    modules.weights_are_a_distribution(weights, torch.ones(tokens, tokens, dtype=torch.bool).tril())


@given(tokens=st.integers(2, 5), copies=st.integers(1, 3), seed=draw.seeds)
@example(tokens=2, copies=1, seed=0)
def test_scores_are_divided_by_the_root_of_d_k(submission, tokens, copies, seed):
    """Before the softmax, dot products are divided by the root of d_k, the number of features of a key."""
    d_in, d_out = tokens + 3, tokens * copies
    attention = verbs.module(submission.CausalAttention, d_in, d_out, tokens, 0.0, seed=seed)
    x = observe.reveal_weights(attention, tokens, seed)
    result = tensor(verbs.call(attention, x[None]), {"batch": 1, "query": tokens, "d_out": d_out})
    queries, keys, _ = projections(attention, x)
    factor = observe.score_scale(queries, keys, result[0, :, :tokens], causal=True)
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


@given(size=SIZES, seed=draw.seeds, larger=st.sampled_from([1e2, 1e4]))
@example(size=Sizes(batch=2, tokens=4, d_in=3, d_out=5), seed=0, larger=1e4)
def test_no_score_is_so_low_that_the_future_wins(submission, size, seed, larger):
    """Scores of many thousands do not overflow, and none is so low that a hidden position weighs more."""
    attention, x = build(submission, size, seed), inputs(size, seed)
    verbs.write(attention.W_query.weight, larger * attention.W_query.weight.detach())
    what = f"the result, with queries {larger:g} times as long,"
    for sequence, actual in zip(x, verbs.call(attention, x), strict=True):
        expected = oracles.attention(*projections(attention, sequence), scale=size.d_out**-0.5, causal=True)
        same(actual, expected, ("token", "feature"), what, tolerance=1e-7)


@given(size=SIZES, seed=draw.seeds, dropout=st.floats(0.2, 0.8))
def test_dropout_rests_outside_training(submission, size, seed, dropout):
    """Outside training nothing is dropped, and with a dropout of 0 never."""
    x, without = inputs(size, seed), build(submission, size, seed, dropout=0.0)
    expected = without(x)
    same(verbs.call(build(submission, size, seed, dropout=dropout), x), expected, AXES, "the result in eval mode")
    same(verbs.call(without.train(), x), expected, AXES, "the result in training, with dropout 0,")


@given(tokens=st.integers(8, 12), seed=draw.seeds, dropout=st.floats(0.3, 0.7))
def test_dropout_acts_on_attention_weights_in_training(submission, tokens, seed, dropout):
    """In training each attention weight is either dropped, or kept and divided by the chance of being kept."""
    attention = verbs.module(submission.CausalAttention, 3 + tokens, 2 * tokens, tokens, dropout, seed=seed)
    x = observe.reveal_weights(attention, tokens, seed).repeat(2, 1, 1)

    def weights(what):
        result = tensor(verbs.call(attention, x), {"batch": 2, "tokens": tokens, "d_out": 2 * tokens}, what=what)
        return result.detach().unflatten(2, (2, tokens)).transpose(1, 2)  # (batch, copy, query, key)

    kept = weights("the result in eval mode")
    attention.train()
    torch.default_generator.manual_seed(seed)
    first, second = weights("the result in training"), weights("the result in training")
    modules.dropout_acts_on_weights(kept, first, second, dropout, ["sequence 0", "sequence 1"])


@given(size=SIZES, seed=draw.seeds, longer=st.integers(1, 3))
def test_more_tokens_than_the_context_are_refused(submission, size, seed, longer):
    """More tokens than context_length are refused, by a ValueError that names both numbers."""
    attention = build(submission, size, seed, context_length=size.tokens)
    x = draw.normal(seed, size.batch, size.tokens + longer, size.d_in)
    given = f"an input of {size.tokens + longer} tokens for a context_length of {size.tokens}"
    refuses(lambda: verbs.call(attention, x), given, naming=[size.tokens + longer, size.tokens])


@given(size=SIZES, seed=draw.seeds, dropout=st.floats(0, 0.9))
def test_its_dropout_has_a_name(submission, size, seed, dropout):
    """What drops attention weights is its attribute `dropout`."""
    attention = build(submission, size, seed, dropout=dropout)
    holds(hasattr(attention, "dropout"), "It has no attribute `dropout`.")


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
    modules.works_on_another_device(build(submission, size, seed), inputs(size, seed))


def probe(submission):
    """Calls that tell the misconceptions apart."""
    x = draw.normal(1, 2, 3, 4)  # (batch, tokens, d_in)
    many = 8  # tokens, where dropout must leave out some weights and keep some

    def build(d_in=4, d_out=5, context_length=3, dropout=0.0, **named):
        arguments = (d_in, d_out, context_length, dropout)
        built = probes.module(submission.CausalAttention, *arguments, **named)
        if others := [name for name, _ in built.named_parameters() if not name.startswith(NAMES)]:
            # What should be no parameter, a mask perhaps, keeps the numbers it was made with.
            made = verbs.construct(submission.CausalAttention, *arguments, **named)
            for name in others:
                verbs.write(built.get_parameter(name), made.get_parameter(name))
        return built

    attention = functools.cache(build)  # for calls that change nothing in it
    biased = functools.partial(attention, qkv_bias=True)

    def of_the_projections(named):
        return sorted((name, value) for name, value in named if name.startswith(NAMES))

    def shapes(built):
        return of_the_projections((name, list(parameter.shape)) for name, parameter in built.named_parameters())

    def slopes():
        built = build(qkv_bias=True)
        return of_the_projections(probes.gradients(built, built(x)))

    def on_another_device():
        built = build()
        built(x)
        return built.to("meta")(x.to("meta")).device.type

    def numbers_named():
        try:
            return list(attention(context_length=7)(draw.normal(2, 2, 11, 4)).shape)
        except ValueError as error:
            return [number in str(error) for number in ("11", "7")]

    @functools.cache
    def dropped():
        """By what training multiplies each weight: (batch, copy, query, key), two equal sequences, two equal copies."""
        sizes = {"d_in": many + 3, "d_out": 2 * many, "context_length": many}
        built = build(**sizes, dropout=0.25)
        pair = observe.reveal_weights(built, many, 3).repeat(2, 1, 1)
        resting = built(pair)
        return (built.train()(pair) / resting).detach().unflatten(2, (2, many)).transpose(1, 2)

    def factors():
        past = dropped()[:, :, *torch.tril_indices(many, many, -1)]
        kept = past[past != 0]
        return [len(kept) < past.numel(), round(kept[0].item(), 6) if torch.allclose(kept, kept[0]) else None]

    def alike(some, others):
        return torch.allclose(some.expand_as(others).tril(), others.tril(), equal_nan=True)

    return [
        lambda: biased()(x),
        lambda: biased(context_length=6)(x),
        lambda: attention()(x),
        lambda: biased()(1000 * draw.normal(2, 7, 3, 4)),
        lambda: str(build().float()(x.float()).dtype),
        lambda: shapes(attention()),
        lambda: shapes(attention(qkv_bias=False)),
        lambda: shapes(biased()),
        lambda: sum(not name.startswith(NAMES) for name, _ in attention().named_parameters()),
        slopes,
        on_another_device,
        numbers_named,
        lambda: torch.allclose(attention(dropout=0.9)(x), attention()(x)),
        lambda: torch.allclose(build().train()(x), attention()(x)),
        factors,
        lambda: alike(dropped()[:, 0], dropped()[:, 1]),
        lambda: alike(dropped()[0], dropped()[1]),
        lambda: alike(dropped()[:, :, -1:], dropped()),
    ]
