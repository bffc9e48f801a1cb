"""The laws of the GPT model."""

import functools
import zlib

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from kata.laws import draw, modules, verbs
from kata.laws.checks import broken, describe, equal, holds, refuses, same, tensor
from kata.laws.draw import Sizes
from kata.laws.elsewhere import Elsewhere

AXES = ("batch", "token", "logit")
PARTS = ("tok_emb", "pos_emb", "drop_emb", "trf_blocks", "final_norm", "out_head")
EMBEDDINGS = ("tok_emb", "pos_emb")
few = settings(max_examples=8)


@st.composite
def sizes(draw_one, tokens=(1, 5), n_layers=(1, 2)):
    """The sizes of a model and of what goes into it. `spare`: positions of the context that the input leaves free."""
    size = draw_one(draw.sizes(batch=(1, 4), tokens=tokens, emb_dim=(4, 9), vocab=(5, 12)))
    heads = [count for count in range(1, size.emb_dim + 1) if size.emb_dim % count == 0]
    more = {"n_heads": st.sampled_from(heads), "n_layers": st.integers(*n_layers), "spare": st.integers(0, 2)}
    return Sizes(**vars(size), **{name: draw_one(strategy) for name, strategy in more.items()})


ONE_TOKEN = Sizes(batch=1, tokens=1, emb_dim=4, vocab=5, n_heads=2, n_layers=1, spare=0)
ALL_EQUAL = Sizes(batch=4, tokens=4, emb_dim=4, vocab=4, n_heads=4, n_layers=3, spare=0)
# As many positions as tokens in the vocabulary, and one sequence: positions that are taken from elsewhere do not fail.
ALONE = Sizes(batch=1, tokens=3, emb_dim=6, vocab=5, n_heads=3, n_layers=1, spare=2)
SHORT = Sizes(batch=2, tokens=3, emb_dim=6, vocab=7, n_heads=3, n_layers=2, spare=2)


def config(size, **changed):
    """The configuration of a model of this size."""
    cfg = {"vocab_size": size.vocab, "context_length": size.tokens + size.spare, "emb_dim": size.emb_dim}
    cfg |= {"n_heads": size.n_heads, "n_layers": size.n_layers, "drop_rate": 0.0, "qkv_bias": False}
    return cfg | changed


def build(submission, size, seed, **changed):
    """A GPTModel in eval mode and float64, all parameters random."""
    return verbs.module(submission.GPTModel, config(size, **changed), seed=seed)


def ids_for(size, seed):
    """A batch of token sequences."""
    return draw.integers(seed, size.vocab, size.batch, size.tokens)


def part(model, name):
    """A part of the model by its name."""
    found = getattr(model, name, None)
    if found is None:
        broken(f"GPTModel has no `{name}`.")
    return found


def blocks_of(model):
    """The transformer blocks within `trf_blocks`, each once, whatever holds them."""
    stack = part(model, "trf_blocks")
    if not isinstance(stack, nn.Module):
        broken(
            f"trf_blocks should be an nn.Sequential or an nn.ModuleList, but is {describe(stack)}: nn.Module does not "
            "know the blocks in it, so they are no part of the model."
        )
    return [block for block in stack.modules() if is_block(block)]


def is_block(module):
    """Whether this is a transformer block."""
    return hasattr(module, "att") and hasattr(module, "ff")


def add_nothing(*blocks):
    """Rigs blocks so that both of their branches are zero, and what goes in comes out."""
    for block in blocks:
        for last in (block.att.out_proj, block.ff.layers[2]):
            verbs.write(last.weight, 0.0)
            verbs.write(last.bias, 0.0)


def embedded(model, ids):
    """Token plus position, (batch, tokens, emb_dim), from the model's own tables."""
    tokens, positions = (verbs.parameter(model, f"{name}.weight").detach() for name in EMBEDDINGS)
    return torch.stack([torch.stack([tokens[id] + positions[t] for t, id in enumerate(row)]) for row in ids.tolist()])


def scale_and_shift(model):
    """The two parameters of the last norm, under our names or PyTorch's."""
    norm = part(model, "final_norm")
    names = ("scale", "shift") if hasattr(norm, "scale") else ("weight", "bias")
    return [verbs.parameter(model, f"final_norm.{name}") for name in names]


def head_of(model, x):
    """The last norm and the head, on what the blocks return (batch, tokens, emb_dim)."""
    normalised = nn.functional.layer_norm(x, x.shape[-1:], *scale_and_shift(model), eps=1e-5)
    return (normalised @ verbs.parameter(model, "out_head.weight").T).detach()


def shape_of(model, name, **axes):
    """Checks the table `name`.weight, of these sizes."""
    tensor(verbs.parameter(model, f"{name}.weight").detach(), axes, what=f"{name}.weight")


@few
@given(size=sizes(), seed=draw.seeds)
@example(size=SHORT, seed=0)
def test_its_parts_have_their_names_and_sizes(submission, size, seed):
    """tok_emb has a row for each token of the vocabulary, pos_emb one for each position; all six parts are there."""
    model = build(submission, size, seed)
    for name in PARTS:
        part(model, name)
    shape_of(model, "tok_emb", vocab_size=size.vocab, emb_dim=size.emb_dim)
    shape_of(model, "pos_emb", context_length=size.tokens + size.spare, emb_dim=size.emb_dim)


@few
@given(size=sizes(), seed=draw.seeds, qkv_bias=st.booleans())
@example(size=SHORT, seed=0, qkv_bias=True)
def test_the_configuration_is_left_alone(submission, size, seed, qkv_bias):
    """Building a model changes nothing in the configuration."""
    cfg = config(size, qkv_bias=qkv_bias)
    before = dict(cfg)
    verbs.construct(submission.GPTModel, cfg, seed=seed)
    equal(cfg, before, "the configuration afterwards", got="it is")


@few
@given(size=sizes(), seed=draw.seeds)
@example(size=SHORT, seed=0)
def test_there_are_n_layers_blocks_each_of_its_own(submission, size, seed):
    """trf_blocks holds n_layers transformer blocks, and no two of them share a parameter, nor do two models."""
    model = build(submission, size, seed)
    blocks = blocks_of(model)
    if is_block(model.trf_blocks):
        broken("trf_blocks is a single block. It should hold n_layers of them: use nn.Sequential or nn.ModuleList.")
    parameters = [parameter for block in blocks for parameter in block.parameters()]
    there_are = "only one block" if len(blocks) == 1 else f"{len(blocks)} different blocks"
    holds(
        len(blocks) == size.n_layers,
        f"With n_layers {size.n_layers}, trf_blocks holds {there_are}. A block that is listed several times counts "
        "once: each layer needs its own.",
    )
    holds(
        len({id(parameter) for parameter in parameters}) == len(parameters),
        "Two blocks share a parameter, so they cannot learn different things.",
    )
    others = {id(parameter) for parameter in verbs.construct(submission.GPTModel, config(size)).parameters()}
    holds(others.isdisjoint(map(id, parameters)), "Two models share a parameter: each must make its own.")


@few
@given(size=sizes(), seed=draw.seeds)
@example(size=SHORT, seed=0)
def test_the_head_has_weights_of_its_own(submission, size, seed):
    """out_head maps emb_dim features to a logit for each token, without bias, and shares no weights with tok_emb."""
    # As it is made: .to() would copy what is shared.
    model = verbs.construct(submission.GPTModel, config(size), seed=seed)
    modules.is_a_linear(part(model, "out_head"), size.emb_dim, size.vocab, False, "out_head")
    embedding, head = (verbs.parameter(model, f"{name}.weight") for name in ("tok_emb", "out_head"))
    before = head.detach().clone()
    verbs.write(embedding, 2.0)
    holds(torch.equal(head, before), "out_head shares its weights with tok_emb. Here they learn separately.")


@few
@given(size=sizes(), seed=draw.seeds, qkv_bias=st.booleans())
@example(size=ONE_TOKEN, seed=0, qkv_bias=False)
@example(size=ALL_EQUAL, seed=0, qkv_bias=True)
def test_every_position_scores_the_whole_vocabulary(submission, size, seed, qkv_bias):
    """Every position gets a logit for each token of the vocabulary, whether or not the input fills the context."""
    result = verbs.call(build(submission, size, seed, qkv_bias=qkv_bias), ids_for(size, seed))
    tensor(result, {"batch": size.batch, "tokens": size.tokens, "vocab_size": size.vocab}, torch.float64)


@few
@given(size=sizes(tokens=(2, 5)), seed=draw.seeds)
@example(size=SHORT, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_no_position_sees_the_future(submission, size, seed):
    """The logits of a position do not depend on later tokens."""
    modules.sees_no_future(build(submission, size, seed), ids_for(size, seed), seed, size.vocab)


@few
@given(size=sizes(tokens=(2, 5)), seed=draw.seeds)
@example(size=SHORT, seed=0)
@example(size=ONE_TOKEN, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_every_position_sees_itself_and_the_whole_past(submission, size, seed):
    """The logits of a position depend on its own token and on every earlier one."""
    model = build(submission, size, seed)
    # Short queries give small scores, so that no attention weight is too small to be noticed.
    for block in blocks_of(model):
        weight = verbs.parameter(block, "att.W_query.weight")
        verbs.write(weight, 0.1 * weight.detach())
    modules.sees_the_past(model, ids_for(size, seed), seed, size.vocab)


@few
@given(size=sizes(tokens=(2, 5)), seed=draw.seeds, length=st.integers(1, 4))
@example(size=SHORT, seed=0, length=2)
def test_a_prefix_comes_out_as_it_does_alone(submission, size, seed, length):
    """The first tokens get the same logits whether or not more follow, and whatever the model was asked before."""
    model, ids = build(submission, size, seed), ids_for(size, seed)
    modules.prefix_is_enough(model, ids, min(length, size.tokens), AXES)
    expected, fresh = verbs.call(model, ids), build(submission, size, seed)
    fresh(ids[:, :1])
    same(verbs.call(fresh, ids), expected, AXES, "the result, after a first call with one token,")


@few
@given(size=sizes(), seed=draw.seeds)
@example(size=SHORT, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_sequences_of_a_batch_do_not_mix(submission, size, seed):
    """Each sequence of a batch comes out as it does alone."""
    ids = ids_for(size, seed).T.contiguous().T  # in memory, token by token
    modules.rows_are_independent(build(submission, size, seed), ids, AXES)


@few
@given(size=sizes(), seed=draw.seeds, factor=st.sampled_from([2.0, 10.0, 1e3]))
@example(size=SHORT, seed=0, factor=10.0)
def test_the_last_norm_comes_before_the_head(submission, size, seed, factor):
    """What the blocks return is normalised before it meets the head: making all of it larger changes no logit."""
    model, ids = build(submission, size, seed), ids_for(size, seed)
    blocks = blocks_of(model) or broken("trf_blocks holds no block.")
    add_nothing(*blocks)
    verbs.write(blocks[-1].ff.layers[2].bias, draw.normal(seed, size.emb_dim))  # now the last one adds the same always
    returned = [blocks[-1].ff.layers[2].bias, *(verbs.parameter(model, f"{name}.weight") for name in EMBEDDINGS)]

    def times(larger):
        for parameter in returned:
            verbs.write(parameter, larger * parameter.detach())
        return verbs.call(model, ids)

    before = times(1e4)  # so large that eps does not count
    what = f"with {factor:g} times as large a sum of what the embeddings and the blocks add, the result"
    same(times(factor), before, AXES, what, tolerance=1e-6)


@few
@given(size=sizes(), seed=draw.seeds, factor=st.sampled_from([-1.0, 3.0, 10.0]))
@example(size=SHORT, seed=0, factor=3.0)
def test_logits_are_what_the_head_returns(submission, size, seed, factor):
    """The logits are what the head returns, not probabilities: three times the weights, three times the logits."""
    model, ids = build(submission, size, seed), ids_for(size, seed)
    before = verbs.call(model, ids)
    weight = verbs.parameter(model, "out_head.weight")
    verbs.write(weight, factor * weight.detach())
    same(verbs.call(model, ids), factor * before, AXES, f"the result, with out_head {factor:g} times as large,")


@few
@given(size=sizes(), seed=draw.seeds)
@example(size=ALONE, seed=0)
@example(size=ONE_TOKEN, seed=0)
@example(size=SHORT, seed=0)
def test_token_plus_position_goes_into_the_blocks(submission, size, seed):
    """Token plus position, counted from 0, goes into the blocks, and comes out of blocks that add nothing."""
    model, ids = build(submission, size, seed), ids_for(size, seed)
    add_nothing(*blocks_of(model))
    what = "with blocks that add nothing, the result"
    same(verbs.call(model, ids), head_of(model, embedded(model, ids)), AXES, what)


@few
@given(size=sizes(tokens=(3, 5), n_layers=(1, 1)), seed=draw.seeds, place=st.integers(0, 2))
@example(size=Sizes(**vars(SHORT) | {"n_layers": 1}), seed=0, place=0)
def test_the_order_of_the_past_matters(submission, size, seed, place):
    """Where in the past a token stands matters: two earlier tokens that change places change the last logits."""
    model = build(submission, size, seed)
    # Tokens that all differ, as far as the vocabulary goes: 5 at least, and 5 at most are needed.
    ids = (ids_for(size, seed)[:, :1] + torch.arange(size.tokens)) % size.vocab
    first, second = place % (size.tokens - 1), (place + 1) % (size.tokens - 1)
    swapped = ids.clone()
    swapped[:, [first, second]] = ids[:, [second, first]]
    moved = (verbs.call(model, swapped) - verbs.call(model, ids))[:, -1].abs().amax(dim=-1)
    holds(
        bool((moved > 1e-9).all()),
        f"The tokens at positions {first} and {second} of {ids[0].tolist()} changed places, and the logits of the "
        f"last position moved by {moved.min().item():.3g}. Attention alone does not know the order: add the positions.",
    )


@few
@given(size=sizes(n_layers=(2, 3)), seed=draw.seeds)
@example(size=SHORT, seed=0)
def test_every_block_takes_part(submission, size, seed):
    """Every block takes part: a model in which one of them adds nothing returns other logits."""
    model, ids = build(submission, size, seed), ids_for(size, seed)
    whole, state = verbs.call(model, ids), {name: value.clone() for name, value in model.state_dict().items()}
    for number, block in enumerate(blocks_of(model)):
        model.load_state_dict(state)
        add_nothing(block)
        moved = (verbs.call(model, ids) - whole).abs().max().item()
        message = (
            f"Of {size.n_layers} blocks, number {number} (from 0) does not matter: without it the logits are the same"
        )
        holds(moved > 1e-9, f"{message}. Each block works on what the one before it returned.")


@few
@given(size=sizes(), seed=draw.seeds, qkv_bias=st.booleans())
@example(size=ONE_TOKEN, seed=0, qkv_bias=False)
@example(size=ALL_EQUAL, seed=0, qkv_bias=True)
def test_it_is_its_parts_one_after_the_other(submission, size, seed, qkv_bias):
    """Embeddings, the blocks from first to last, the last norm and the head follow one another."""
    model, ids = build(submission, size, seed, qkv_bias=qkv_bias), ids_for(size, seed)
    x = embedded(model, ids)
    for block in blocks_of(model):
        x = block(x)
    same(verbs.call(model, ids), head_of(model, x), AXES)


@few
@given(size=sizes(), seed=draw.seeds, drop_rate=st.floats(0.2, 0.8))
@example(size=SHORT, seed=0, drop_rate=0.5)
def test_dropout_rests_outside_training(submission, size, seed, drop_rate):
    """Outside training nothing is dropped, and with a drop_rate of 0 never."""
    ids, without = ids_for(size, seed), build(submission, size, seed)
    expected = without(ids).detach()
    model = build(submission, size, seed, drop_rate=drop_rate)
    same(verbs.call(model, ids), expected, AXES, f"with drop_rate {drop_rate:.3g}, the result in eval mode")
    same(verbs.call(without.train(), ids), expected, AXES, "with drop_rate 0, the result in training")


@few
@given(seed=draw.seeds, drop_rate=st.floats(0.3, 0.7))
def test_embeddings_are_dropped_in_training(submission, seed, drop_rate):
    """In training each number of token plus position is either dropped, or divided by the chance of being kept."""
    size = Sizes(batch=3, tokens=5, emb_dim=16, vocab=17, n_heads=2, n_layers=2, spare=1)
    model, ids = build(submission, size, seed, drop_rate=drop_rate), ids_for(size, seed)
    blocks = blocks_of(model)
    features = torch.eye(size.vocab, size.emb_dim, dtype=torch.float64)
    # The blocks add nothing and the head hands on the features, so that the result is the last norm of the embeddings.
    add_nothing(*blocks)
    scale, shift = scale_and_shift(model)
    for parameter, value in ((scale, 1.0), (shift, 0.0), (verbs.parameter(model, "out_head.weight"), features)):
        verbs.write(parameter, value)
    # So small that the eps of the norm counts: without it the factor would be normalised away. Feature 0 is 0 always,
    # so a feature that was dropped comes out as feature 0 does.
    for name in EMBEDDINGS:
        weight = verbs.parameter(model, f"{name}.weight")
        verbs.write(weight, 0.01 * weight.detach() * features.sum(dim=0).index_fill(0, torch.tensor([0]), 0.0))
    x = embedded(model, ids)
    model.train()
    for block in blocks:
        block.eval()  # what they drop is their own business

    def in_training():
        axes = {"batch": size.batch, "tokens": size.tokens, "vocab_size": size.vocab}
        return tensor(verbs.call(model, ids), axes).detach()[..., : size.emb_dim]

    torch.default_generator.manual_seed(seed)
    first, second = in_training(), in_training()
    # The last norm makes a 0 of a mean only, and of a token that was dropped wholly.
    holds(
        not bool(((first == 0) & (first != 0).any(dim=-1, keepdim=True)).any()),
        f"With drop_rate {drop_rate:.3g}, numbers that had passed the last norm were dropped in training. Drop what "
        "goes into the first block, and nothing after that.",
    )
    kept = (first - first[..., :1]).abs() > 1e-9
    dropped = ~kept[..., 1:]
    count, total = int(dropped.sum()), dropped.numel()
    said = f"With drop_rate {drop_rate:.3g}, {count} of {total} embedded numbers were dropped in training"
    # Six standard deviations: a fair dropout is never accused, one that is off or inverted is found.
    spread = 6 * (total * drop_rate * (1 - drop_rate)) ** 0.5
    holds(abs(count - total * drop_rate) <= spread, f"{said}: about {total * drop_rate:.0f} should be.")
    expected = nn.functional.layer_norm(x * kept / (1 - drop_rate), (size.emb_dim,), eps=1e-5)
    what = f"with drop_rate {drop_rate:.3g}, blocks that add nothing and a head that hands on the features, the result"
    same(first, expected, ("batch", "token", "feature"), what)
    for axis, name in enumerate(("sequence", "token", "feature")):
        alike = bool((dropped == dropped.select(axis, 0).unsqueeze(axis)).all())
        holds(not alike, f"{said}, the same ones for every {name}: each number should have a chance of its own.")
    holds(not torch.equal(first, second), "Two calls in training dropped the same numbers: dropout must draw anew.")
    verbs.write(blocks[0].ff.layers[2].bias, 1.0)  # added to every feature, which the last norm takes back
    torch.default_generator.manual_seed(seed)
    moved = (in_training() - first).abs().max().item()
    holds(
        moved <= 1e-9,
        f"With drop_rate {drop_rate:.3g}, the first block added 1 to every feature in training. The last norm takes "
        f"that back, so the result should stay as it was, but it moved by {moved:.3g}: some of what the block returned "
        "was dropped. Drop what goes into the first block, and nothing after that.",
    )


@few
@given(size=sizes(), seed=draw.seeds, longer=st.integers(1, 3))
@example(size=ONE_TOKEN, seed=0, longer=1)
def test_more_tokens_than_the_context_are_refused(submission, size, seed, longer):
    """More tokens than context_length are refused, by a ValueError that names both numbers."""
    context_length = size.tokens + size.spare
    model = build(submission, size, seed)
    ids = draw.integers(seed, size.vocab, size.batch, context_length + longer)
    given = f"an input of {context_length + longer} tokens for a context_length of {context_length}"
    refuses(lambda: verbs.call(model, ids), given, naming=[context_length + longer, context_length])


@few
@given(size=sizes(tokens=(2, 5)), seed=draw.seeds)
@example(size=SHORT, seed=0)
def test_the_gradient_reaches_every_parameter(submission, size, seed):
    """The gradient reaches every parameter, from the head down to each row of both embeddings that was looked up."""
    model, ids = build(submission, size, seed), ids_for(size, seed)
    ids[0, 0], ids[-1, -1] = 0, size.vocab - 1  # no token is special
    modules.gradient_reaches_every_parameter(model, ids, seed)
    for name, rows in (("tok_emb", ids.unique()), ("pos_emb", torch.arange(size.tokens))):
        reached = (verbs.parameter(model, f"{name}.weight").grad.to_dense() != 0).any(dim=1)
        for row in rows.tolist():
            holds(bool(reached[row]), f"Row {row} of {name} was looked up, but gets no gradient: it never learns.")
    # So large that no parameter loses everything to dropout.
    size = Sizes(batch=3, tokens=5, emb_dim=8, vocab=9, n_heads=2, n_layers=1, spare=1)
    training = build(submission, size, seed, drop_rate=0.2).train()
    modules.gradient_reaches_every_parameter(training, ids_for(size, seed), seed)


@few
@given(size=sizes(), seed=draw.seeds)
@example(size=SHORT, seed=0)
def test_its_state_can_be_saved_and_loaded(submission, size, seed):
    """Its state_dict, saved and loaded into a fresh model, makes that model compute the same."""
    model, fresh = build(submission, size, seed), build(submission, size, seed + 1)
    modules.state_is_complete(model, fresh, ids_for(size, seed), AXES)


@few
@given(size=sizes(), seed=draw.seeds, dtype=st.sampled_from([torch.float32, torch.bfloat16]))
@example(size=SHORT, seed=0, dtype=torch.bfloat16)
def test_it_follows_its_dtype(submission, size, seed, dtype):
    """Moved to float32 or bfloat16, it computes the same in that dtype, up to its rounding."""
    modules.computes_in(build(submission, size, seed), dtype, ids_for(size, seed), AXES)


@few
@given(size=sizes(), seed=draw.seeds)
@example(size=SHORT, seed=0)
def test_it_works_on_another_device(submission, size, seed):
    """It works on any device: what it makes by itself, it makes where the ids are."""
    ids, elsewhere = ids_for(size, seed), Elsewhere()
    with elsewhere:
        model = verbs.construct(submission.GPTModel, config(size), seed=seed)
        verbs.call(model, ids.clone())  # what is built only when needed, and then kept, must move as well
    elsewhere.moves(model)
    with elsewhere:
        verbs.call(model, ids)


@few
@given(size=sizes(), seed=draw.seeds, qkv_bias=st.booleans(), dtype=st.sampled_from([torch.float32, torch.float64]))
@example(size=SHORT, seed=0, qkv_bias=True, dtype=torch.float64)
@example(size=ALL_EQUAL, seed=0, qkv_bias=True, dtype=torch.float32)
def test_every_number_that_it_learns_is_counted(submission, size, seed, qkv_bias, dtype):
    """count_parameters counts each number that the model learns, and nothing that it does not learn."""
    model = verbs.construct(submission.GPTModel, config(size, qkv_bias=qkv_bias), seed=seed).to(dtype)
    model.register_buffer("remembered", torch.zeros(11))  # no parameter
    expected = sum(expected_counts(size, qkv_bias))
    what = f"the number of parameters of a model with {described(size, qkv_bias)}"
    equal(verbs.call(submission.count_parameters, model), expected, what)
    equal(verbs.call(submission.count_parameters, model, tied=False), expected, f"with tied=False, {what}")


@few
@given(size=sizes(), seed=draw.seeds, qkv_bias=st.booleans())
@example(size=SHORT, seed=0, qkv_bias=True)
@example(size=ALL_EQUAL, seed=0, qkv_bias=True)
def test_a_tied_head_is_counted_once(submission, size, seed, qkv_bias):
    """With tied=True the numbers of the head are counted once, with the token embedding; the model stays as it is."""
    model = verbs.construct(submission.GPTModel, config(size, qkv_bias=qkv_bias), seed=seed)
    tokens, positions, blocks, norm, _ = expected_counts(size, qkv_bias)
    what = f"with tied=True, the number of parameters of a model with {described(size, qkv_bias)}"
    equal(verbs.call(submission.count_parameters, model, tied=True), tokens + positions + blocks + norm, what)
    after = verbs.call(submission.count_parameters, model)
    equal(
        after, tokens + positions + blocks + norm + tokens, "counted without tied afterwards, the same model's number"
    )


def test_gpt2_small_has_124_million_parameters(submission):
    """The smallest GPT-2 has 163,009,536 parameters here, and 124,412,160 with its head tied."""
    cfg = {"vocab_size": 50257, "context_length": 1024, "emb_dim": 768, "n_heads": 12, "n_layers": 12}
    model = verbs.unfilled(submission.GPTModel, cfg | {"drop_rate": 0.1, "qkv_bias": False})
    equal(verbs.call(submission.count_parameters, model), 163_009_536, "the number of parameters")
    equal(verbs.call(submission.count_parameters, model, tied=True), 124_412_160, "with tied=True, the number")


def expected_counts(size, qkv_bias):
    """How many numbers are learnt in tok_emb, pos_emb, the blocks, final_norm and out_head."""
    d = size.emb_dim
    attention = 3 * d * d + (3 * d if qkv_bias else 0) + d * d + d
    feed_forward = (d * 4 * d + 4 * d) + (4 * d * d + d)
    block = attention + feed_forward + 2 * (d + d)
    return size.vocab * d, (size.tokens + size.spare) * d, size.n_layers * block, d + d, d * size.vocab


def described(size, qkv_bias):
    """The configuration in words."""
    cfg = config(size, qkv_bias=qkv_bias)
    names = ("vocab_size", "context_length", "emb_dim", "n_layers", "qkv_bias")
    return ", ".join(f"{name} {cfg[name]}" for name in names)


def probe(submission):
    """Calls that tell the misconceptions apart."""
    ids = torch.tensor([[4, 0, 2], [6, 1, 4]])  # (batch, tokens)
    drop_rate, many = 0.25, 24

    def construct(size=SHORT, **changed):
        return verbs.construct(submission.GPTModel, config(size, **changed))

    def build(size=SHORT, **changed):
        """In eval mode and float64, each parameter filled by its place, whatever the module that holds it is called."""
        model = construct(size, **changed).to(torch.float64).eval()
        parts = {name: getattr(model, name) for name in PARTS if name not in ("drop_emb", "trf_blocks")}
        parts |= {f"block {number}": block for number, block in enumerate(model.trf_blocks)}
        for name, owner in parts.items():
            for number, parameter in enumerate(owner.parameters()):
                numbers = draw.normal(zlib.crc32(f"{name} {number}".encode()), *parameter.shape)
                verbs.write(parameter, numbers / parameter.shape[-1] ** 0.5)
        return model

    built = functools.cache(build)  # for calls that change nothing in it

    def shapes(**changed):
        return sorted(tuple(parameter.shape) for parameter in construct(**changed).parameters())

    def reached():
        model = build()
        result = model(ids)
        if result.requires_grad:
            result.square().sum().backward()
        return [parameter.grad is not None for parameter in model.parameters()]

    def reached_in_training():
        result = (model := build(drop_rate=drop_rate).train())(ids)
        if result.requires_grad:
            result.square().sum().backward()
        return [parameter.grad is not None for parameter in model.parameters()]

    def rows_reached():
        model = build()
        model(ids).square().sum().backward()
        return (model.tok_emb.weight.grad.to_dense() != 0).any(dim=1)

    def numbers_named():
        try:
            return list(built()(torch.zeros(1, 11, dtype=torch.int64)).shape)
        except ValueError as error:
            return ["11" in str(error), "5" in str(error)]

    def elsewhere(used_before=False):
        away = Elsewhere()
        with away:
            model = construct()
            if used_before:
                model(ids.clone())
        away.moves(model)
        with away:
            return list(model(ids).shape)

    def configuration():
        cfg = config(SHORT, drop_rate=drop_rate)
        verbs.construct(submission.GPTModel, cfg)
        return cfg

    def dropped():
        """What training leaves of token plus position before the first block, and whether anything is dropped later."""
        size = Sizes(batch=1, tokens=8, emb_dim=many, vocab=many, n_heads=1, n_layers=2, spare=0)
        model, given = build(size, drop_rate=drop_rate), []
        for block in model.train().trf_blocks:
            block.eval().register_forward_pre_hook(lambda _, arguments: given.append(arguments[0]))
        add_nothing(*model.trf_blocks)
        for parameter, value in zip(model.final_norm.parameters(), (1.0, 0.0), strict=True):
            verbs.write(parameter, value)
        verbs.write(model.out_head.weight, torch.eye(many))
        token, position, keep = model.tok_emb.weight[:8], model.pos_emb.weight, 1 - drop_rate
        x = token + position
        result, before = model(torch.arange(8)[None])[0], given[0][0]
        ways = (0 * x, x, x / keep, x / drop_rate, x / 0.9, token / keep, position / keep, token / keep + position)
        left = [bool(torch.isclose(before, way).any()) for way in ways]
        dropped_later = not torch.allclose(result, nn.functional.layer_norm(before, (many,)))
        return [left, dropped_later, bool((result == 0).any())]

    def counts():
        model = construct(qkv_bias=True).double()
        model.register_buffer("remembered", torch.zeros(3))
        return [submission.count_parameters(model, *tied) for tied in ((), (False,), (True,), ())]

    return [
        lambda: built()(ids),
        lambda: built(qkv_bias=True)(torch.cat([ids, ids[:, :2]], dim=1)),
        lambda: built()(ids[:1]),
        lambda: str(build().float()(ids).dtype),
        lambda: built(vocab_size=5)(ids % 5),
        lambda: built()(ids[:, :2]),
        lambda: len(list(construct(n_layers=3).trf_blocks)),
        lambda: shapes(qkv_bias=True),
        lambda: [name for name in PARTS if not hasattr(built(), name)],
        reached,
        numbers_named,
        elsewhere,
        lambda: elsewhere(used_before=True),
        reached_in_training,
        rows_reached,
        configuration,
        lambda: torch.allclose(built(drop_rate=0.9)(ids), built()(ids)),
        lambda: torch.allclose(build().train()(ids), built()(ids)),
        dropped,
        counts,
    ]
