"""The laws of the transformer block."""

import functools
import math

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from kata.laws import draw, modules, observe, oracles, probes, verbs
from kata.laws.checks import broken, describe, equal, holds, refuses, same, tensor
from kata.laws.draw import Sizes

AXES = modules.SEQUENCE
NAMES = ("W_query", "W_key", "W_value")
# emb_dim is heads * head_dim. Of fewer than three features, a norm leaves little more than signs.
SIZES = draw.sizes(batch=(1, 4), tokens=(1, 6), heads=(1, 3), head_dim=(3, 5))
ONE_TOKEN = Sizes(batch=1, tokens=1, heads=2, head_dim=3)
ALL_EQUAL = Sizes(batch=4, tokens=4, heads=2, head_dim=2)
# The last linear layer of each branch: what it makes is what the branch adds.
LAST = {"attention": "att.out_proj", "feed-forward": "ff.layers.2"}
BRANCHES = st.sampled_from(sorted(LAST))
# GELU may compute with constants that are rounded to float32.
CLOSE = 1e-6
# For laws that hold or break whatever the sizes are.
few = settings(max_examples=10)


def config(size, drop_rate=0.0, qkv_bias=True, context_length=None):
    """The configuration of a model, with all its keys."""
    return {
        "vocab_size": 53,
        "context_length": size.tokens if context_length is None else context_length,
        "emb_dim": size.heads * size.head_dim,
        "n_heads": size.heads,
        "n_layers": 7,
        "drop_rate": drop_rate,
        "qkv_bias": qkv_bias,
    }


def build(submission, size, seed, **named):
    """A TransformerBlock in eval mode and float64, all parameters random."""
    return verbs.module(submission.TransformerBlock, config(size, **named), seed=seed)


def inputs(size, seed):
    """A batch of sequences, in float64."""
    return draw.normal(seed, size.batch, size.tokens, size.heads * size.head_dim)


def part(block, name):
    """One of the block's four parts."""
    found = getattr(block, name, None)
    holds(found is not None, f"A transformer block should have a module called `{name}`, but it has none of that name.")
    holds(
        isinstance(found, nn.Module), f"`{name}` of a transformer block should be a module, but is {describe(found)}."
    )
    return found


def silence(block, *branches):
    """Makes the last linear layer of these branches return zeros, so that they add nothing."""
    for branch in branches:
        part(block, LAST[branch].partition(".")[0])
        for name in ("weight", "bias"):
            verbs.write(verbs.parameter(block, f"{LAST[branch]}.{name}"), 0.0)


def only(submission, branch, size, seed, **named):
    """A block of which the other branch is silent."""
    block = build(submission, size, seed, **named)
    silence(block, *(LAST.keys() - {branch}))
    return block


def added(block, x, what="the result"):
    """What the block adds to its input."""
    axes = dict(zip(("batch", "tokens", "emb_dim"), x.shape, strict=True))
    return tensor(verbs.call(block, x), axes, x.dtype, what) - x


def normalised(norm, x):
    """What a norm should make of x; its parameters may have PyTorch's names."""
    own = dict(norm.named_parameters())
    scale, shift = (own.get(name, own.get(other)) for name, other in (("scale", "weight"), ("shift", "bias")))
    if scale is None or shift is None:
        broken(f"A norm should have the parameters `scale` and `shift`, but has {', '.join(own) or 'none'}.")
    return nn.functional.layer_norm(x, x.shape[-1:], scale, shift, 1e-5).detach()


def attended(attention, x, heads):
    """What the attention should make of x, from its own weights: head by head, then out_proj."""
    results = []
    for sequence in x:
        projected = []
        for name in NAMES:
            bias = getattr(getattr(attention, name), "bias", None)
            linear = oracles.linear(sequence, verbs.parameter(attention, f"{name}.weight"), bias).detach()
            projected.append(linear.unflatten(1, (heads, -1)).transpose(0, 1))  # (head, token, feature)
        scale = projected[0].shape[-1] ** -0.5
        mixed = [oracles.attention(*qkv, scale=scale, causal=True) for qkv in zip(*projected, strict=True)]
        out = [verbs.parameter(attention, f"out_proj.{name}") for name in ("weight", "bias")]
        results.append(oracles.linear(torch.cat(mixed, dim=-1), *out).detach())
    return torch.stack(results)


def fed_forward(network, x):
    """What the feed-forward network should make of x, from its own weights."""
    weights = [verbs.parameter(network, f"layers.{i}.{name}") for i in (0, 2) for name in ("weight", "bias")]
    hidden = oracles.linear(x, *weights[:2]).detach()
    bent = [
        0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))) for v in hidden.flatten().tolist()
    ]
    return oracles.linear(torch.tensor(bent, dtype=x.dtype).reshape(hidden.shape), *weights[2:]).detach()


@few
@given(size=SIZES, seed=draw.seeds, qkv_bias=st.booleans())
def test_its_parts_are_attention_feed_forward_and_two_norms(submission, size, seed, qkv_bias):
    """Its parts `att`, `ff`, `norm1` and `norm2`, each with parameters of its own, are all that is learnt."""
    cfg = config(size, drop_rate=0.1, qkv_bias=qkv_bias)
    block = verbs.module(submission.TransformerBlock, cfg, seed=seed)
    equal(cfg, config(size, drop_rate=0.1, qkv_bias=qkv_bias), "cfg, after a block was made of it,")
    owner = {}
    for name in ("att", "ff", "norm1", "norm2"):
        for kind, parameter in part(block, name).named_parameters():
            other = owner.setdefault(id(parameter), name)
            holds(other == name, f"`{other}` and `{name}` share their {kind}: each needs parameters of its own.")
    extra = sorted(name for name, parameter in block.named_parameters() if id(parameter) not in owner)
    holds(not extra, f"It has parameters beyond those of its parts: {', '.join(extra)}. Nothing else is learnt here.")
    for name in ("norm1", "norm2"):
        shapes = [tuple(parameter.shape) for parameter in part(block, name).parameters()]
        wanted = (size.heads * size.head_dim,)
        holds(shapes == [wanted, wanted], f"`{name}` should learn a scale and a shift of shape {wanted}, not {shapes}.")


@few
@given(size=SIZES, seed=draw.seeds, qkv_bias=st.booleans())
@example(size=ONE_TOKEN, seed=0, qkv_bias=True)
@example(size=ONE_TOKEN, seed=0, qkv_bias=False)
def test_all_linear_layers_fit_the_configuration(submission, size, seed, qkv_bias):
    """All sizes follow emb_dim, and queries, keys and values have a bias exactly if qkv_bias says so."""
    block, width = build(submission, size, seed, qkv_bias=qkv_bias), size.heads * size.head_dim
    layers = dict.fromkeys(NAMES, (width, width, qkv_bias)) | {"out_proj": (width, width, True)}
    modules.linears_are_all(part(block, "att"), layers)
    for index, (d_in, d_out) in ((0, (width, 4 * width)), (2, (4 * width, width))):
        modules.is_a_linear(part(block, "ff").layers[index], d_in, d_out, True, f"ff.layers[{index}]")


@few
@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_what_comes_out_has_the_shape_of_what_went_in(submission, size, seed):
    """The result has the shape of the input, so that blocks can be stacked, and the input stays as it was."""
    block, x = build(submission, size, seed), inputs(size, seed)
    tensor(verbs.call(block, x), dict(zip(("batch", "tokens", "emb_dim"), x.shape, strict=True)), torch.float64)


@few
@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_with_silent_branches_it_is_the_identity(submission, size, seed):
    """Where both branches end in zeros, the input comes out as it was: that is the shortcut."""
    block, x = build(submission, size, seed), 10 * inputs(size, seed)
    silence(block, *LAST)
    what = "with att.out_proj and ff.layers[2] all zero, the result, like the input,"
    same(verbs.call(block, x), x, AXES, what)


@few
@given(size=SIZES, seed=draw.seeds, drop_rate=st.floats(0.1, 0.95))
def test_dropout_rests_outside_training(submission, size, seed, drop_rate):
    """Outside training nothing is dropped, and with a drop_rate of 0 never."""
    x, without = inputs(size, seed), build(submission, size, seed, drop_rate=0.0)
    expected = verbs.call(without, x)
    same(verbs.call(build(submission, size, seed, drop_rate=drop_rate), x), expected, AXES, "the result in eval mode")
    same(verbs.call(without.train(), x), expected, AXES, "the result in training, with drop_rate 0,")


@few
@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_the_first_branch_adds_what_att_makes_of_norm1(submission, size, seed):
    """Where ff.layers[2] is zero, the block adds att(norm1(x)) to x."""
    block, x = only(submission, "attention", size, seed), inputs(size, seed)
    expected = part(block, "att")(part(block, "norm1")(x))
    what = "with ff.layers[2] zero, what the block adds to x, att(norm1(x)),"
    same(added(block, x), expected, AXES, what, got="it is")


@few
@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_the_second_branch_adds_what_ff_makes_of_norm2(submission, size, seed):
    """Where att.out_proj is zero, the block adds ff(norm2(x)) to x."""
    block, x = only(submission, "feed-forward", size, seed), inputs(size, seed)
    expected = part(block, "ff")(part(block, "norm2")(x))
    what = "with att.out_proj zero, what the block adds to x, ff(norm2(x)),"
    same(added(block, x), expected, AXES, what, got="it is")


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_the_second_branch_works_on_the_result_of_the_first(submission, size, seed):
    """Attention comes first; the feed-forward network works on the sum of the input and what attention added."""
    x = inputs(size, seed)
    between = verbs.call(only(submission, "attention", size, seed), x)
    expected = verbs.call(only(submission, "feed-forward", size, seed), between)
    modules.alike(
        verbs.call(build(submission, size, seed), x),
        expected,
        AXES,
        "the result of a block with both branches",
        "a block with only attention, followed by one with only ff,",
    )


@few
@given(size=SIZES, seed=draw.seeds, branch=BRANCHES, factor=st.sampled_from([0.5, 3.0, 10.0]))
@example(size=ALL_EQUAL, seed=0, branch="attention", factor=3.0)
@example(size=ALL_EQUAL, seed=0, branch="feed-forward", factor=3.0)
def test_what_a_branch_adds_does_not_grow_with_the_input(submission, size, seed, branch, factor):
    """A branch sees its input normalised: for an input c times as large, or moved, it adds just the same."""
    block, x = only(submission, branch, size, seed), 1000 * inputs(size, seed)  # beside this, eps is nothing
    expected = added(block, x)
    what = f"what the {branch} branch adds to an input"
    what_larger = f"{what} {factor:g} times as large"
    same(added(block, factor * x), expected, AXES, what_larger, tolerance=CLOSE, got="it is")
    moved = x + 50 * draw.normal(seed + 1, size.batch, size.tokens, 1)
    what_moved = f"{what} of which each token was moved by a number"
    same(added(block, moved), expected, AXES, what_moved, tolerance=CLOSE, got="it is")


@few
@given(size=SIZES, seed=draw.seeds, branch=BRANCHES)
@example(size=ALL_EQUAL, seed=0, branch="attention")
@example(size=ALL_EQUAL, seed=0, branch="feed-forward")
def test_each_branch_has_a_norm_of_its_own(submission, size, seed, branch):
    """norm1 belongs to the attention alone, and norm2 to the feed-forward network alone."""
    own, other = ("norm1", "norm2") if branch == "attention" else ("norm2", "norm1")
    block, x = only(submission, branch, size, seed), inputs(size, seed)
    before = added(block, x)
    for name, matters in ((other, False), (own, True)):
        for index, parameter in enumerate(part(block, name).parameters()):
            verbs.write(parameter, parameter.detach() + 1 + draw.normal(seed + index, *parameter.shape).abs())
        moved = (added(block, x) - before).abs().max().item()
        says = f"When only the parameters of {name} changed, what the {branch} branch adds moved by {moved:.3g}: "
        if matters:
            holds(moved > 1e-9, f"{says}it should use {name}.")
        else:
            holds(moved <= 1e-9, f"{says}it should not, for {name} belongs to the other branch.")


@few
@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_att_attends_with_as_many_heads_as_asked_for(submission, size, seed):
    """`att` is causal attention with n_heads heads."""
    block, x = build(submission, size, seed), inputs(size, seed)
    expected = attended(part(block, "att"), x, size.heads)
    same(verbs.call(block.att, x), expected, AXES, f"what att makes of x, with n_heads {size.heads},", got="it is")


@few
@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_it_is_a_pre_norm_transformer_block(submission, size, seed):
    """It computes h = x + att(norm1(x)), and then h + ff(norm2(h))."""
    block, x = build(submission, size, seed), inputs(size, seed)
    between = x + attended(part(block, "att"), normalised(part(block, "norm1"), x), size.heads)
    expected = between + fed_forward(part(block, "ff"), normalised(part(block, "norm2"), between))
    same(verbs.call(block, x), expected, AXES, tolerance=CLOSE)


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_no_position_sees_the_future(submission, size, seed):
    """No position sees the future."""
    modules.sees_no_future(build(submission, size, seed), inputs(size, seed), seed)


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_every_position_sees_itself_and_the_whole_past(submission, size, seed):
    """Every position sees itself and the whole past."""
    block = build(submission, size, seed)
    # Short queries give small scores, so that no weight is too small to be noticed.
    verbs.write(verbs.parameter(block, "att.W_query.weight"), 0.1 * block.att.W_query.weight.detach())
    verbs.write(block.att.W_query.bias, 0.1)
    modules.sees_the_past(block, inputs(size, seed), seed)


@few
@given(size=SIZES, seed=draw.seeds, length=st.integers(1, 6))
@example(size=ALL_EQUAL, seed=0, length=2)
def test_a_prefix_comes_out_as_it_does_alone(submission, size, seed, length):
    """The first tokens come out the same whether or not more tokens follow, though the context would hold more."""
    block, x = build(submission, size, seed, context_length=size.tokens + 2), inputs(size, seed)
    modules.prefix_is_enough(block, x, min(length, size.tokens))


@few
@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_sequences_of_a_batch_do_not_mix(submission, size, seed):
    """Each sequence of a batch comes out as it does alone."""
    modules.rows_are_independent(build(submission, size, seed), inputs(size, seed))


@few
@given(size=SIZES, seed=draw.seeds, longer=st.integers(1, 3))
@example(size=Sizes(batch=2, tokens=2, heads=2, head_dim=5), seed=0, longer=1)
@example(size=Sizes(batch=1, tokens=20, heads=1, head_dim=3), seed=0, longer=2)
def test_more_tokens_than_the_context_are_refused(submission, size, seed, longer):
    """As many tokens as context_length are fine, more are refused, by a ValueError that names both numbers."""
    block = build(submission, size, seed)
    added(block, inputs(size, seed), f"the result for as many tokens as context_length, {size.tokens},")
    x = draw.normal(seed, size.batch, size.tokens + longer, size.heads * size.head_dim)
    given = f"an input of {size.tokens + longer} tokens for a context_length of {size.tokens}"
    refuses(lambda: verbs.call(block, x), given, naming=[size.tokens + longer, size.tokens])


@few
@given(heads=st.integers(1, 2), tokens=st.integers(8, 11), seed=draw.seeds, drop_rate=st.floats(0.3, 0.7))
def test_dropout_acts_on_attention_weights_in_training(submission, heads, tokens, seed, drop_rate):
    """In training each attention weight is either dropped, or kept and divided by the chance of being kept."""
    size = Sizes(batch=1, tokens=tokens, heads=heads, head_dim=2 * tokens)
    attention = part(build(submission, size, seed, drop_rate=drop_rate), "att")
    verbs.write(verbs.parameter(attention, "out_proj.weight"), torch.eye(heads * 2 * tokens))
    verbs.write(verbs.parameter(attention, "out_proj.bias"), 0.0)
    x = observe.reveal_weights(attention, tokens, seed)[None]

    def weights(what):
        axes = {"batch": 1, "tokens": tokens, "emb_dim": heads * 2 * tokens}
        result = tensor(verbs.call(attention, x), axes, what=what)
        return result.detach()[0].unflatten(1, (heads, 2, tokens)).permute(1, 2, 0, 3)  # (head, copy, query, key)

    kept = weights("what att returns in eval mode")
    attention.train()
    torch.default_generator.manual_seed(seed)
    first, second = (weights("what att returns in training") for _ in range(2))
    modules.dropout_acts_on_weights(kept, first, second, drop_rate, [f"head {h}" for h in range(heads)])


@few
@given(seed=draw.seeds, branch=BRANCHES, drop_rate=st.floats(0.2, 0.9))
@example(seed=0, branch="attention", drop_rate=0.5)
@example(seed=0, branch="feed-forward", drop_rate=0.5)
def test_dropout_acts_on_what_a_branch_adds_in_training(submission, seed, branch, drop_rate):
    """In training, each number that a branch adds is either dropped, or divided by the chance of being kept."""
    size = Sizes(batch=3, tokens=6, heads=2, head_dim=5)
    block, x = build(submission, size, seed, drop_rate=drop_rate), inputs(size, seed)
    silence(block, *LAST)
    # The branch now returns the same numbers for every token, whatever happens inside it.
    kept = 1 + draw.normal(seed + 1, 10).abs()
    verbs.write(verbs.parameter(block, f"{LAST[branch]}.bias"), kept)
    block.train()
    torch.default_generator.manual_seed(seed)
    first, second = (added(block, x, "the result in training").detach() for _ in range(2))
    gone, scaled = first.abs() <= 1e-9, kept / (1 - drop_rate)
    wrong = (~gone & ((first - scaled).abs() > 1e-9)).nonzero()
    if len(wrong):
        where = wrong[0].tolist()
        place = ", ".join(f"{axis} {index}" for axis, index in zip(AXES, where, strict=True))
        number = kept[where[-1]].item()
        broken(
            f"With drop_rate {drop_rate:.3g}, at {place}, the {branch} branch computed {number:.4g}. In training 0 or "
            f"{scaled[where[-1]].item():.4g}, which is {number:.4g} divided by {1 - drop_rate:.3g}, should be added; "
            f"yours added {first[tuple(where)].item():.4g}."
        )
    count, wanted = int(gone.sum()), gone.numel() * drop_rate
    share = f"With drop_rate {drop_rate:.3g}, {count} of the {gone.numel()} numbers of the {branch} branch were dropped"
    # Six standard deviations: a fair dropout is never accused, one that is off or inverted is found.
    holds(abs(count - wanted) <= 6 * (wanted * (1 - drop_rate)) ** 0.5, f"{share}: about {wanted:.0f} should be.")
    for axis, name in enumerate(("sequence", "token", "feature")):
        alike = bool((gone == gone.narrow(axis, 0, 1)).all())
        holds(not alike, f"{share}, the same in every {name}: each number should have a chance of its own.")
    holds(not torch.equal(first, second), f"{share}, in two calls the same ones: dropout must draw anew.")
    nothing_else_is_dropped(submission, seed, branch, drop_rate)


def nothing_else_is_dropped(submission, seed, branch, drop_rate):
    """Besides attention weights, nothing is dropped on the way to what a branch adds, neither before it nor inside."""
    # With one token and one head there is one attention weight in each sequence.
    size = Sizes(batch=5, tokens=1, heads=1, head_dim=4)
    block, x = only(submission, branch, size, seed, drop_rate=drop_rate), inputs(size, seed)
    makes, keep = added(block, x).detach(), 1 - drop_rate
    without = verbs.parameter(block, f"{LAST[branch]}.bias").detach()  # what is left where that weight is dropped
    kept = [(without + (makes - without) / keep) / keep, without.expand_as(makes) / keep]
    allowed = [torch.zeros_like(makes), *(kept if branch == "attention" else [makes / keep])]
    torch.default_generator.manual_seed(seed)
    result = added(block.train(), x, "the result in training").detach()
    off = torch.stack([(result - number).abs() for number in allowed]).amin(dim=0) > CLOSE * (1 + makes.abs()) / keep**2
    if bool(off.any()):
        where = tuple(off.nonzero()[0].tolist())
        ways = " or ".join(f"{number[where].item():.4g}" for number in allowed)
        broken(
            f"With drop_rate {drop_rate:.3g}, for one token, the {branch} branch computed {makes[where].item():.4g} in "
            f"eval mode. In training {ways} should be added; yours added {result[where].item():.4g}. "
            "Drop what comes out of a branch, and nothing that goes in or is inside, but for attention weights."
        )


@few
@given(seed=draw.seeds, drop_rate=st.floats(0.3, 0.7))
@example(seed=0, drop_rate=0.5)
def test_each_branch_is_dropped_by_a_draw_of_its_own(submission, seed, drop_rate):
    """What is dropped of one branch says nothing of what is dropped of the other."""
    size = Sizes(batch=3, tokens=6, heads=2, head_dim=5)
    block, x = build(submission, size, seed, drop_rate=drop_rate), inputs(size, seed)
    silence(block, *LAST)
    for number, name in ((1.0, LAST["attention"]), (10.0, LAST["feed-forward"])):
        verbs.write(verbs.parameter(block, f"{name}.bias"), number)
    torch.default_generator.manual_seed(seed)
    numbers = (added(block.train(), x, "the result in training").detach() * (1 - drop_rate)).round().int()
    seen = sorted(set(numbers.flatten().tolist()))
    holds(
        seen == [0, 1, 10, 11],
        "Where the attention adds 1 everywhere and the feed-forward network 10, training should find 0, 1, 10 and 11, "
        f"times {1 / (1 - drop_rate):.4g}; yours finds {', '.join(map(str, seen))}, times that.",
    )


@few
@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_the_gradient_reaches_every_parameter(submission, size, seed):
    """The gradient reaches every parameter of both branches, and of both norms, in training too."""
    block = build(submission, size, seed, qkv_bias=False)
    # With one token the only weight is 1, whatever the query and the key.
    alone = ("att.W_query.weight", "att.W_key.weight") if size.tokens == 1 else ()
    modules.gradient_reaches_every_parameter(block, inputs(size, seed), seed, none_for=alone)
    # So large that no parameter loses everything to dropout.
    size = Sizes(batch=3, tokens=6, heads=2, head_dim=5)
    block = build(submission, size, seed, qkv_bias=False, drop_rate=0.2).train()
    modules.gradient_reaches_every_parameter(block, inputs(size, seed), seed)


@few
@given(size=SIZES, seed=draw.seeds, training=st.booleans())
@example(size=ALL_EQUAL, seed=0, training=False)
@example(size=ALL_EQUAL, seed=0, training=True)
def test_the_gradient_reaches_the_input(submission, size, seed, training):
    """The gradient reaches the input, through the shortcut and both branches: it is the slope of small steps."""
    modules.gradient_reaches_the_input(build(submission, size, seed).train(training), 3 * inputs(size, seed))


@few
@given(size=SIZES, seed=draw.seeds)
def test_its_state_can_be_saved_and_loaded(submission, size, seed):
    """Its state_dict, saved and loaded into a fresh module, makes that module compute the same."""
    block, fresh = build(submission, size, seed), build(submission, size, seed + 1)
    modules.state_is_complete(block, fresh, inputs(size, seed))


@few
@given(size=SIZES, seed=draw.seeds, dtype=st.sampled_from([torch.float32, torch.bfloat16]))
def test_it_follows_its_dtype(submission, size, seed, dtype):
    """Moved to float32 or bfloat16, it computes the same in that dtype, up to its rounding."""
    block = build(submission, size, seed)
    for name in LAST.values():  # branches that add little, so that their rounding hardly shows
        verbs.write(verbs.parameter(block, f"{name}.weight"), 0.2 * verbs.parameter(block, f"{name}.weight").detach())
    modules.computes_in(block, dtype, inputs(size, seed))


@few
@given(size=SIZES, seed=draw.seeds)
def test_it_follows_its_device(submission, size, seed):
    """Moved to another device, it works there: everything in it moves along."""
    modules.works_on_another_device(build(submission, size, seed), inputs(size, seed))


def probe(submission):
    """Calls that tell the misconceptions apart."""
    size = Sizes(batch=2, tokens=5, heads=2, head_dim=4)
    x = 2 * inputs(size, 1) + 1  # (batch, tokens, emb_dim)

    def build(context_length=9, **named):
        return probes.module(submission.TransformerBlock, config(size, context_length=context_length, **named))

    block = functools.cache(build)  # for calls that change nothing in it

    def parameters():
        return sorted((name, list(parameter.shape)) for name, parameter in block(qkv_bias=False).named_parameters())

    def slope():
        leaf = x.clone().requires_grad_()
        (block()(leaf) * draw.normal(2, *x.shape)).sum().backward()
        return leaf.grad.float()

    def slopes():
        built = build()
        return [
            (name, None if slope is None else slope.float())
            for name, slope in probes.gradients(built, built(x.clone()))
        ]

    def input_afterwards():
        given = x.clone()
        block()(given)
        return given

    def numbers_named():
        try:
            block()(draw.normal(2, 2, 11, 8))
        except ValueError as error:
            return [number in str(error) for number in ("11", "9")]
        return "not refused"

    @functools.cache
    def dropped(branch):
        """What training makes of a branch that adds 1 everywhere: (24 calls, batch, tokens, emb_dim)."""
        built = build(drop_rate=0.25)
        silence(built, *LAST)
        verbs.write(verbs.parameter(built, f"{LAST[branch]}.bias"), 1.0)
        built.train()
        return torch.stack([built(x.clone()) - x for _ in range(24)]).detach()

    def factors(branch):
        return sorted({round(number, 6) for number in dropped(branch).flatten().tolist()})[:9]

    def nothing_else_dropped(branch):
        """Whether training leaves of a branch, with one token and one head, only what dropout there may leave.

        And whether it leaves only what there is where nothing is dropped but attention weights.
        """
        small = Sizes(batch=8, tokens=1, heads=1, head_dim=4)
        built = probes.module(submission.TransformerBlock, config(small, drop_rate=0.25))
        silence(built, *(LAST.keys() - {branch}))
        given = inputs(small, 3)
        without_dropout = probes.module(submission.TransformerBlock, config(small))
        silence(without_dropout, *(LAST.keys() - {branch}))
        makes, without = without_dropout(given) - given, verbs.parameter(built, f"{LAST[branch]}.bias")
        scaled = [(without + (makes - without) / 0.75) / 0.75, without.expand_as(makes) / 0.75, makes * 0]
        allowed = scaled if branch == "attention" else [makes / 0.75, makes * 0]
        undropped = [number * 0.75 for number in scaled[:2]] if branch == "attention" else [makes]
        result = built.train()(given) - given

        def among(numbers):
            off = torch.stack([(result - number).abs() for number in numbers]).amin(dim=0)
            return bool((off < 1e-4 * (1 + makes.abs())).all())

        return [among(allowed), among(undropped)]

    def slopes_in_training():
        built = build(drop_rate=0.25).train()
        result = built(x.clone())
        if result.requires_grad:
            result.sum().backward()
        return [parameter.grad is not None for parameter in built.parameters()]

    def both_branches():
        built = build(drop_rate=0.25)
        silence(built, *LAST)
        for number, name in ((1.0, LAST["attention"]), (10.0, LAST["feed-forward"])):
            verbs.write(verbs.parameter(built, f"{name}.bias"), number)
        built.train()
        found = torch.stack([built(x.clone()) - x for _ in range(8)]).detach()
        return sorted({round(number, 6) for number in found.flatten().tolist()})[:9]

    def attention_varies():
        built = build(drop_rate=0.25).train()
        return not torch.allclose(built.att(x), built.att(x))

    def feed_forward_varies():
        built = build(drop_rate=0.25).train()
        silence(built, "attention")
        return not torch.allclose(built(x.clone()), built(x.clone()))

    return [
        lambda: block()(x.clone()),
        lambda: block(qkv_bias=False)(x.clone()),
        lambda: block()(50 * x),
        parameters,
        slope,
        slopes,
        input_afterwards,
        numbers_named,
        lambda: list(block()(draw.normal(3, 1, 9, 8)).shape),
        lambda: torch.allclose(block(drop_rate=0.9)(x.clone()), block()(x.clone())),
        lambda: torch.allclose(build().train()(x.clone()), block()(x.clone())),
        lambda: factors("attention"),
        lambda: factors("feed-forward"),
        lambda: bool((dropped("attention") == dropped("attention")[:, :1]).all()),
        lambda: bool((dropped("attention") == dropped("attention")[:, :, :1]).all()),
        both_branches,
        lambda: nothing_else_dropped("attention"),
        lambda: nothing_else_dropped("feed-forward"),
        slopes_in_training,
        attention_varies,
        feed_forward_varies,
    ]
