"""The laws of token, position and input embeddings."""

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from kata.laws import draw, modules, probes, verbs
from kata.laws.checks import LawBroken, broken, equal, holds, raises, same, tensor
from kata.laws.draw import Sizes

TABLE_SIZES = draw.sizes(rows=(2, 9), emb_dim=(1, 8))
ONE_ROW = Sizes(rows=1, emb_dim=3)
ONE_NUMBER = Sizes(rows=4, emb_dim=1)

# `spare`: positions of the context that the input leaves free.
SIZES = draw.sizes(batch=(1, 4), tokens=(1, 6), emb_dim=(1, 8), vocab=(2, 9)).flatmap(
    lambda size: st.integers(0, 3).map(lambda spare: Sizes(**vars(size), spare=spare))
)
ONE_TOKEN = Sizes(batch=1, tokens=1, emb_dim=3, vocab=2, spare=0)
ALL_EQUAL = Sizes(batch=3, tokens=3, emb_dim=3, vocab=3, spare=0)
ONE_SEQUENCE = Sizes(batch=1, tokens=4, emb_dim=3, vocab=5, spare=2)

LEADING_SHAPES = st.lists(st.integers(1, 4), max_size=3).map(tuple)
DTYPES = st.sampled_from([torch.float32, torch.bfloat16])


def token_embedding(submission, size, seed):
    """A TokenEmbedding in eval mode and float64, its table random; and that table."""
    return with_table(verbs.module(submission.TokenEmbedding, size.rows, size.emb_dim, seed=seed), size)


def position_embedding(submission, size, seed):
    """A PositionEmbedding in eval mode and float64, its table random; and that table."""
    return with_table(verbs.module(submission.PositionEmbedding, size.rows, size.emb_dim, seed=seed), size)


def with_table(embedding, size):
    """The embedding, and a copy of its table (rows, emb_dim)."""
    weight = verbs.parameter(embedding, "weight")
    axes = {"row": size.rows, "emb_dim": size.emb_dim}
    return embedding, tensor(weight, axes, what=f"{type(embedding).__name__}.weight").detach().clone()


def input_embedding(submission, size, seed):
    """An InputEmbedding in eval mode and float64, all parameters random."""
    return verbs.module(submission.InputEmbedding, size.vocab, size.emb_dim, size.tokens + size.spare, seed=seed)


def ids_for(size, seed):
    """A batch of token sequences."""
    return draw.integers(seed, size.vocab, size.batch, size.tokens)


def names_of(shape, *more):
    """Names for the axes of ids of any shape."""
    return (*(f"axis {axis}" for axis in range(len(shape))), *more)


def is_its_parameter(embedding, weight, size, what):
    """Checks that a table has its shape, and that an optimizer would find it."""
    tensor(weight, {"row": size.rows, "emb_dim": size.emb_dim}, what=what)
    holds(weight.requires_grad, f"{what} needs no gradient, so it would never learn.")
    found = any(parameter is weight for parameter in embedding.parameters())
    holds(found, f"{what} is not among the parameters() of its module, so no optimizer would find it.")


def gradient_of_table(embedding, result, direction):
    """The gradient of the embedding's table, when the result is pulled in a direction."""
    embedding.zero_grad(set_to_none=True)
    holds(
        result.requires_grad,
        "The result is cut off from the table: no gradient flows back. Do not use .detach(), .data or no_grad here.",
    )
    (result * direction).sum().backward()
    gradient = embedding.weight.grad
    if gradient is None:
        broken("No gradient reaches the table.")
    return gradient.to_dense()  # a sparse gradient is as good


def must_raise(kind, call, given, naming=()):
    """Checks that a call raises this kind of error, and says so where it raises another."""
    try:
        raises(kind, call, given, naming)
    except (NotImplementedError, LawBroken):
        raise
    except (ValueError, LookupError, RuntimeError, AssertionError) as error:
        broken(
            f"{given[0].upper()}{given[1:]} should raise {kind.__name__}, but raises {type(error).__name__}: {error}"
        )


def must_not_raise(kind, call, given):
    """What a call returns; breaks the law where it raises this kind of error."""
    try:
        return call()
    except kind as error:
        broken(f"{given[0].upper()}{given[1:]} should be no error, but raises {kind.__name__}: {error}")


def with_one_id_changed(ids, place, wrong):
    """A copy of ids in which one, wherever `place` falls, is replaced."""
    ids = ids.clone()
    ids.view(-1)[place % ids.numel()] = wrong
    return ids


@given(size=TABLE_SIZES, seed=draw.seeds)
@example(size=ONE_ROW, seed=0)
def test_the_token_table_has_a_row_for_each_token(submission, size, seed):
    """TokenEmbedding.weight is a parameter with a row of emb_dim numbers for each token of the vocabulary."""
    embedding = verbs.module(submission.TokenEmbedding, size.rows, size.emb_dim, seed=seed)
    is_its_parameter(embedding, verbs.parameter(embedding, "weight"), size, "TokenEmbedding.weight")


@given(size=TABLE_SIZES, shape=LEADING_SHAPES, seed=draw.seeds)
@example(size=ONE_NUMBER, shape=(), seed=0)
@example(size=ONE_NUMBER, shape=(3,), seed=0)
@example(size=ONE_ROW, shape=(1, 1), seed=0)
@example(size=ONE_NUMBER, shape=(2, 1, 3), seed=0)
def test_each_id_becomes_emb_dim_numbers(submission, size, shape, seed):
    """Each id becomes emb_dim numbers, whatever the shape of the ids: (...) becomes (..., emb_dim)."""
    embedding, _ = token_embedding(submission, size, seed)
    result = verbs.call(embedding, draw.integers(seed, size.rows, *shape))
    axes = dict(zip(names_of(shape, "emb_dim"), (*shape, size.emb_dim), strict=True))
    tensor(result, axes, torch.float64, f"the result for ids of shape {shape}")


@given(size=TABLE_SIZES, seed=draw.seeds)
@example(size=ONE_ROW, seed=0)
def test_every_id_has_the_row_of_its_number(submission, size, seed):
    """The first token has row 0, the last one row vocab_size - 1, and each in between its own."""
    embedding, table = token_embedding(submission, size, seed)
    given = f"looking up all ids 0 ... {size.rows - 1} of a vocabulary of {size.rows}"
    result = must_not_raise(IndexError, lambda: verbs.call(embedding, torch.arange(size.rows)), given)
    same(result, table, ("id", "feature"), f"the embedding in a vocabulary of {size.rows}")


@given(size=TABLE_SIZES, shape=LEADING_SHAPES, seed=draw.seeds)
@example(size=ONE_NUMBER, shape=(), seed=0)
@example(size=ONE_NUMBER, shape=(2, 3), seed=0)
def test_a_lookup_is_a_product_with_one_hot_vectors(submission, size, shape, seed):
    """A lookup equals the one-hot vectors of the ids times the weight, and leaves the weight as it was."""
    embedding, table = token_embedding(submission, size, seed)
    ids = draw.integers(seed, size.rows, *shape)
    result = verbs.call(embedding, ids)
    one_hot = (ids[..., None] == torch.arange(size.rows)).double()  # (..., rows)
    expected = (one_hot[..., None] * table).sum(dim=-2)  # (..., rows, emb_dim) -> (..., emb_dim)
    same(embedding.weight.detach(), table, ("row", "feature"), "the weight, after the lookup,")
    same(result, expected, names_of(shape, "feature"), "the row that was looked up")


@given(size=TABLE_SIZES, shape=LEADING_SHAPES, seed=draw.seeds)
@example(size=ONE_NUMBER, shape=(5,), seed=0)
def test_only_rows_looked_up_receive_gradient(submission, size, shape, seed):
    """The rows that were looked up receive gradient, and only those."""
    embedding, _ = token_embedding(submission, size, seed)
    ids = draw.integers(seed, size.rows, *shape)
    gradient = gradient_of_table(embedding, embedding(ids), 1.0)
    used = set(ids.flatten().tolist())
    for row in range(size.rows):
        moved = gradient[row].abs().max().item()
        if row in used:
            holds(moved > 0, f"Row {row} was looked up, but receives no gradient: that token would never learn.")
        else:
            holds(moved == 0, f"Row {row} was not looked up, but receives a gradient of up to {moved:.3g}.")


@given(size=TABLE_SIZES, shape=LEADING_SHAPES, seed=draw.seeds)
@example(size=ONE_NUMBER, shape=(7,), seed=0)
def test_a_token_used_twice_receives_both_gradients(submission, size, shape, seed):
    """A row's gradient is the sum over all places where it was looked up."""
    embedding, table = token_embedding(submission, size, seed)
    ids = draw.integers(seed, size.rows, *shape)
    direction = draw.normal(seed + 5, *shape, size.emb_dim)
    gradient = gradient_of_table(embedding, embedding(ids), direction)
    expected = torch.zeros_like(table)
    for token, pull in zip(ids.flatten().tolist(), direction.reshape(-1, size.emb_dim), strict=True):
        expected[token] += pull
    same(gradient, expected, ("row", "feature"), f"the gradient of the table, for the ids {ids.flatten().tolist()},")


@given(size=TABLE_SIZES, shape=LEADING_SHAPES, place=st.integers(0, 99), beyond=st.integers(0, 3), seed=draw.seeds)
@example(size=ONE_ROW, shape=(), place=0, beyond=0, seed=0)
@example(size=ONE_NUMBER, shape=(2, 3), place=4, beyond=0, seed=0)
def test_an_id_beyond_the_vocabulary_raises_index_error(submission, size, shape, place, beyond, seed):
    """An id of vocab_size or more raises IndexError, wherever it stands: the last token is vocab_size - 1."""
    embedding, _ = token_embedding(submission, size, seed)
    wrong = size.rows + beyond
    ids = with_one_id_changed(draw.integers(seed, size.rows, *shape), place, wrong)
    must_raise(IndexError, lambda: verbs.call(embedding, ids), f"id {wrong} for a vocab_size of {size.rows}")


@given(size=TABLE_SIZES, shape=LEADING_SHAPES, place=st.integers(0, 99), below=st.integers(0, 12), seed=draw.seeds)
@example(size=ONE_ROW, shape=(), place=0, below=0, seed=0)
@example(size=ONE_NUMBER, shape=(2, 3), place=4, below=0, seed=0)
def test_a_negative_id_raises_index_error(submission, size, shape, place, below, seed):
    """A negative id raises IndexError, -1 included: it is no way to name the last token."""
    embedding, _ = token_embedding(submission, size, seed)
    wrong = -1 - below
    ids = with_one_id_changed(draw.integers(seed, size.rows, *shape), place, wrong)
    must_raise(IndexError, lambda: verbs.call(embedding, ids), f"id {wrong} for a vocab_size of {size.rows}")


@given(size=TABLE_SIZES, seed=draw.seeds)
@example(size=ONE_ROW, seed=0)
def test_the_position_table_has_a_row_for_each_position(submission, size, seed):
    """PositionEmbedding.weight is a parameter with a row of emb_dim numbers for each position of the context."""
    embedding = verbs.module(submission.PositionEmbedding, size.rows, size.emb_dim, seed=seed)
    is_its_parameter(embedding, verbs.parameter(embedding, "weight"), size, "PositionEmbedding.weight")


@given(size=TABLE_SIZES, seed=draw.seeds)
@example(size=ONE_ROW, seed=0)
def test_positions_are_the_first_rows(submission, size, seed):
    """n tokens stand at positions 0 ... n - 1: they get the first n rows, up to all of them."""
    embedding, table = position_embedding(submission, size, seed)
    for num_tokens in range(1, size.rows + 1):
        given = f"asking for {num_tokens} positions of a context_length of {size.rows}"
        result = must_not_raise(ValueError, lambda count=num_tokens: verbs.call(embedding, count), given)
        what = f"the result for {num_tokens} of {size.rows} positions"
        same(result, table[:num_tokens], ("position", "feature"), what)
    same(embedding.weight.detach(), table, ("row", "feature"), "the weight, after the lookups,")


@given(size=TABLE_SIZES, num_tokens=st.integers(1, 9), seed=draw.seeds)
def test_only_positions_in_use_receive_gradient(submission, size, num_tokens, seed):
    """The rows of the positions in use receive gradient, and only those."""
    num_tokens = min(num_tokens, size.rows)
    embedding, table = position_embedding(submission, size, seed)
    direction = draw.normal(seed + 5, num_tokens, size.emb_dim)
    gradient = gradient_of_table(embedding, embedding(num_tokens), direction)
    expected = torch.zeros_like(table)
    expected[:num_tokens] = direction
    what = f"the gradient of the table, for {num_tokens} of {size.rows} positions,"
    same(gradient, expected, ("row", "feature"), what)


@given(size=TABLE_SIZES, longer=st.integers(1, 3), seed=draw.seeds)
@example(size=ONE_ROW, longer=1, seed=0)
def test_more_positions_than_the_context_are_refused(submission, size, longer, seed):
    """PositionEmbedding refuses more tokens than context_length, by a ValueError that names both numbers."""
    embedding, _ = position_embedding(submission, size, seed)
    num_tokens = size.rows + longer
    given = f"asking for {num_tokens} positions of a context_length of {size.rows}"
    must_raise(ValueError, lambda: verbs.call(embedding, num_tokens), given, naming=[num_tokens, size.rows])


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=ALL_EQUAL, seed=0)
@example(size=ONE_SEQUENCE, seed=0)
def test_every_token_of_the_batch_becomes_emb_dim_numbers(submission, size, seed):
    """Every token of every sequence becomes emb_dim numbers: (batch, tokens) becomes (batch, tokens, emb_dim)."""
    result = verbs.call(input_embedding(submission, size, seed), ids_for(size, seed))
    tensor(result, {"batch": size.batch, "tokens": size.tokens, "emb_dim": size.emb_dim}, torch.float64)


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_an_input_embedding_holds_two_tables(submission, size, seed):
    """token_emb has a row for each token, pos_emb a row for each position; both are parameters of the whole."""
    rows_of = {"token_emb": size.vocab, "pos_emb": size.tokens + size.spare}
    sizes = {"context_length": rows_of["pos_emb"], "emb_dim": size.emb_dim, "vocab_size": size.vocab}
    embedding = verbs.module(submission.InputEmbedding, **sizes, seed=seed)
    for name, rows in rows_of.items():
        weight = verbs.parameter(embedding, f"{name}.weight")
        table = Sizes(rows=rows, emb_dim=size.emb_dim)
        is_its_parameter(embedding, weight, table, f"InputEmbedding.{name}.weight")
    shared = embedding.token_emb.weight is embedding.pos_emb.weight
    holds(
        not shared, "token_emb and pos_emb share one table: what a token is and where it stands are different things."
    )


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=ALL_EQUAL, seed=0)
@example(size=ONE_SEQUENCE, seed=0)
def test_the_input_is_token_plus_position(submission, size, seed):
    """Each token's result is the row of its id plus the row of its position, and nothing else."""
    embedding, ids = input_embedding(submission, size, seed), ids_for(size, seed)
    tokens = verbs.parameter(embedding, "token_emb.weight").tolist()
    positions = verbs.parameter(embedding, "pos_emb.weight").tolist()
    expected = [
        [[a + b for a, b in zip(tokens[token], positions[t], strict=True)] for t, token in enumerate(sequence)]
        for sequence in ids.tolist()
    ]
    same(verbs.call(embedding, ids), torch.tensor(expected, dtype=torch.float64), modules.SEQUENCE)


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_the_order_of_tokens_matters(submission, size, seed):
    """The same token at two positions comes out different, and by as much as the positions differ."""
    embedding = input_embedding(submission, size, seed)
    positions = verbs.parameter(embedding, "pos_emb.weight").detach()
    ids = draw.integers(seed, size.vocab, size.batch, 1).expand(size.batch, size.tokens).clone()
    result = verbs.call(embedding, ids)
    tensor(result, {"batch": size.batch, "tokens": size.tokens, "emb_dim": size.emb_dim})
    expected = (positions[: size.tokens] - positions[0]).expand(size.batch, size.tokens, size.emb_dim)
    what = "for one token all along, its embedding minus that at position 0"
    same(result - result[:, :1], expected, modules.SEQUENCE, what)


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_every_sequence_has_the_same_positions(submission, size, seed):
    """The positions are the same for every sequence: each comes out as it does alone."""
    modules.rows_are_independent(input_embedding(submission, size, seed), ids_for(size, seed))


@given(size=SIZES, seed=draw.seeds, length=st.integers(1, 6))
@example(size=ALL_EQUAL, seed=0, length=2)
def test_the_first_tokens_come_out_as_they_do_alone(submission, size, seed, length):
    """A shorter sequence takes the first positions: the first tokens come out the same whether or not more follow."""
    embedding = input_embedding(submission, size, seed)
    modules.prefix_is_enough(embedding, ids_for(size, seed), min(length, size.tokens))


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_both_tables_learn(submission, size, seed):
    """The gradient reaches each token's row from all its places, and each position's row from all sequences."""
    embedding, ids = input_embedding(submission, size, seed), ids_for(size, seed)
    result = tensor(embedding(ids), {"batch": size.batch, "tokens": size.tokens, "emb_dim": size.emb_dim})
    direction = draw.normal(seed + 5, *result.shape)
    expected = {
        name: torch.zeros_like(verbs.parameter(embedding, name)) for name in ("token_emb.weight", "pos_emb.weight")
    }
    for sequence, pulls in zip(ids.tolist(), direction, strict=True):
        for position, (token, pull) in enumerate(zip(sequence, pulls, strict=True)):
            expected["token_emb.weight"][token] += pull
            expected["pos_emb.weight"][position] += pull
    for part in ("token_emb", "pos_emb"):
        embedding.zero_grad(set_to_none=True)
        gradient = gradient_of_table(getattr(embedding, part), embedding(ids), direction)
        same(gradient, expected[f"{part}.weight"], ("row", "feature"), f"the gradient of {part}.weight")


@given(size=SIZES, seed=draw.seeds, longer=st.integers(1, 3))
@example(size=ONE_TOKEN, seed=0, longer=1)
def test_more_tokens_than_the_context_are_refused(submission, size, seed, longer):
    """InputEmbedding refuses more tokens than context_length, by a ValueError that names both numbers."""
    embedding = input_embedding(submission, size, seed)
    context_length = size.tokens + size.spare
    ids = draw.integers(seed, size.vocab, size.batch, context_length + longer)
    given = f"an input of {context_length + longer} tokens for a context_length of {context_length}"
    must_raise(ValueError, lambda: verbs.call(embedding, ids), given, naming=[context_length + longer, context_length])


@given(size=SIZES, seed=draw.seeds, place=st.integers(0, 99), wrong=st.sampled_from(["-1", "vocab_size"]))
def test_an_id_outside_the_vocabulary_raises_index_error_in_the_whole(submission, size, seed, place, wrong):
    """InputEmbedding raises IndexError, too, for an id outside the vocabulary."""
    embedding = input_embedding(submission, size, seed)
    wrong = size.vocab if wrong == "vocab_size" else -1
    ids = with_one_id_changed(ids_for(size, seed), place, wrong)
    must_raise(
        IndexError, lambda: verbs.call(embedding, ids), f"id {wrong} in the input of a vocab_size of {size.vocab}"
    )


def test_its_defaults_are_gpt2s_vocabulary_and_the_books_sizes(submission):
    """Unless told otherwise: a vocabulary of 50257 tokens, 256 numbers each, a context of 1024 positions."""
    embedding = verbs.construct(submission.InputEmbedding)
    for name, shape in {"token_emb.weight": (50257, 256), "pos_emb.weight": (1024, 256)}.items():
        equal(tuple(verbs.parameter(embedding, name).shape), shape, f"the shape of {name} in InputEmbedding()")


@given(size=SIZES, seed=draw.seeds)
def test_it_computes_the_same_in_every_mode(submission, size, seed):
    """In training, in evaluation and without gradients it computes the same: nothing is dropped or drawn."""
    embedding, ids = input_embedding(submission, size, seed), ids_for(size, seed)
    expected = verbs.call(embedding, ids).detach()
    same(verbs.call(embedding.train(), ids), expected, modules.SEQUENCE, "the result in training mode")
    with torch.no_grad():
        same(verbs.call(embedding.eval(), ids), expected, modules.SEQUENCE, "the result under torch.no_grad()")


@given(size=SIZES, seed=draw.seeds)
def test_its_state_can_be_saved_and_loaded(submission, size, seed):
    """Its state_dict, saved and loaded into a fresh module, makes that module compute the same."""
    ids = ids_for(size, seed)
    embedding, fresh = input_embedding(submission, size, seed), input_embedding(submission, size, seed + 1)
    modules.state_is_complete(embedding, fresh, ids)
    modules.state_is_complete(embedding.token_emb, fresh.token_emb, ids)
    modules.state_is_complete(embedding.pos_emb, fresh.pos_emb, size.tokens, ("position", "feature"))


@given(size=SIZES, seed=draw.seeds, dtype=DTYPES)
@example(size=ALL_EQUAL, seed=0, dtype=torch.bfloat16)
def test_it_follows_its_dtype(submission, size, seed, dtype):
    """Moved to float32 or bfloat16, it computes the same in that dtype, up to its rounding."""
    embedding, ids = input_embedding(submission, size, seed), ids_for(size, seed)
    modules.computes_in(embedding.token_emb, dtype, ids)
    modules.computes_in(embedding.pos_emb, dtype, size.tokens, ("position", "feature"))
    modules.computes_in(embedding, dtype, ids)


def probe(submission):
    """Calls that tell the misconceptions apart."""
    ids = torch.tensor([[4, 0, 2], [0, 1, 4]])  # (batch, tokens)

    def filled(embedding, *parts):
        for seed, part in enumerate(parts or [embedding]):
            verbs.write(part.weight, draw.normal(seed, *part.weight.shape))
        return embedding.to(torch.float64).eval()

    def tokens(vocab=5, emb_dim=4):
        return filled(verbs.construct(submission.TokenEmbedding, vocab, emb_dim))

    def positions(context=13, emb_dim=4):
        return filled(verbs.construct(submission.PositionEmbedding, context, emb_dim))

    def both(vocab=5, emb_dim=4, context=6):
        built = verbs.construct(submission.InputEmbedding, vocab, emb_dim, context)
        return filled(built, built.token_emb, built.pos_emb)

    def table_after():
        embedding = tokens()
        embedding(ids)
        return embedding.weight

    def shape_after():
        mine = ids.clone()
        tokens()(mine)
        return mine

    def slopes(embedding, given, *parts):
        probes.gradients(embedding, embedding(given))
        found = [part.weight.grad for part in parts or [embedding]]
        return [grad if grad is None else grad.to_dense() for grad in found]

    def slopes_of_both():
        embedding = both()
        return slopes(embedding, ids, embedding.token_emb, embedding.pos_emb)

    def parameters(embedding):
        return sorted(tuple(parameter.shape) for parameter in embedding.parameters())

    def numbers_named():
        try:
            positions()(17)
        except ValueError as error:
            return ["17" in str(error), "13" in str(error)]

    def any_dropped():
        return bool((both().train()(ids.repeat(20, 1)) == 0).any())

    def shapes_by_default():
        built = submission.InputEmbedding(vocab_size=2)
        return [tuple(built.token_emb.weight.shape), tuple(built.pos_emb.weight.shape)]

    return [
        lambda: tokens()(ids),
        lambda: tokens()(torch.tensor(3)),
        lambda: tokens()(ids[:1]),
        lambda: tokens()(ids.view(2, 1, 3)),
        lambda: tokens()(torch.tensor([1, 5])),
        lambda: tokens()(torch.tensor([1, -1])),
        lambda: tokens()(torch.tensor([-2])),
        lambda: tuple(tokens().weight.shape),
        lambda: parameters(tokens()),
        lambda: slopes(tokens(), ids),
        table_after,
        shape_after,
        lambda: positions()(3),
        lambda: positions()(13),
        lambda: positions()(17),
        numbers_named,
        lambda: slopes(positions(), 3),
        lambda: parameters(positions()),
        lambda: both()(ids),
        lambda: both(context=3)(ids),
        lambda: both(context=2)(ids),
        lambda: both(vocab=6)(ids),
        lambda: parameters(both(vocab=6)),
        slopes_of_both,
        any_dropped,
        shapes_by_default,
    ]
