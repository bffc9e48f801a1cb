"""The laws of self-attention without weights."""

import math

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from kata.laws import draw, modules, observe, oracles, verbs
from kata.laws.checks import holds, same, tensor
from kata.laws.draw import Sizes

AXES = ("token", "feature")
SIZES = draw.sizes(tokens=(1, 6), dim=(1, 6))
ONE_TOKEN = Sizes(tokens=1, dim=3)
SQUARE = Sizes(tokens=3, dim=3)


def inputs(size, seed):
    """One sequence of tokens, in float64."""
    return draw.normal(seed, size.tokens, size.dim)


def with_a_dim(shapes):
    """A shape, and one of its dimensions, counted from the front or (negative) from the end."""
    return shapes.flatmap(lambda shape: st.tuples(st.just(shape), st.integers(-len(shape), len(shape) - 1)))


CASES = with_a_dim(st.lists(st.integers(1, 5), min_size=1, max_size=4, unique=True).map(tuple))


def dims(shape):
    """The names of the dimensions of a tensor of any rank."""
    return [*(f"dim-{index} place" for index in range(len(shape) - 2)), *("row", "column")[-len(shape) :]]


def by_rows(x, dim):
    """The softmax along a dimension, one row of numbers after the other."""
    rows = x.movedim(dim, -1)
    weights = [oracles.softmax_row(row) for row in rows.reshape(-1, rows.shape[-1]).tolist()]
    return torch.tensor(weights, dtype=x.dtype).reshape(rows.shape).movedim(-1, dim)


def one_row(shape, dim, seed):
    """Selects one row along `dim`: a mask of the shape, true in that row."""
    place = [int(draw.integers(seed + index, length, 1)) for index, length in enumerate(shape)]
    place[dim] = slice(None)
    mask = torch.zeros(shape, dtype=torch.bool)
    mask[tuple(place)] = True
    return mask


def one_hot_tokens(tokens, seed):
    """Tokens that point in different directions, (tokens, tokens), and their lengths: a result over them is weights."""
    lengths = 0.5 + draw.normal(seed, tokens).abs()
    return torch.diag(lengths), lengths


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=SQUARE, seed=0)
def test_the_score_of_two_tokens_is_their_dot_product(submission, size, seed):
    """The score of two tokens is their dot product, and nothing else."""
    x = inputs(size, seed)
    scores = verbs.call(submission.attention_scores, x)
    expected = [[sum(a * b for a, b in zip(q, k, strict=True)) for k in x.tolist()] for q in x.tolist()]
    same(scores, torch.tensor(expected, dtype=x.dtype), ("query", "key"), "the score")


@given(size=SIZES, seed=draw.seeds, factor=st.floats(2, 9))
def test_longer_tokens_score_higher(submission, size, seed, factor):
    """A token scored against itself gets its squared length, so tokens c times as long score c² times as high."""
    x = inputs(size, seed)
    diagonal = tensor(verbs.call(submission.attention_scores, x), {"query": size.tokens, "key": size.tokens}).diag()
    same(diagonal, (x * x).sum(-1), ("token",), "the score of a token against itself")
    longer = verbs.call(submission.attention_scores, factor * x)
    what = f"the score of a token, made {factor:.3g} times as long, against itself"
    same(longer.diag(), factor**2 * (x * x).sum(-1), ("token",), what)


@given(case=CASES, seed=draw.seeds)
@example(case=((3, 3), 0), seed=0)
@example(case=((1,), 0), seed=0)
def test_softmax_weights_are_positive_and_sum_to_one(submission, case, seed):
    """The weights of a softmax are positive and sum to one along the dimension asked for."""
    shape, dim = case
    weights = verbs.call(submission.softmax, draw.normal(seed, *shape), dim)
    tensor(weights, dict(zip(dims(shape), shape, strict=True)), torch.float64)
    holds(
        bool((weights > 0).all()), f"The smallest weight is {weights.min().item():.3g}; every weight must be above 0."
    )
    sums = weights.sum(dim, keepdim=True)
    same(sums, torch.ones_like(sums), dims(shape), f"the sum of the weights along dim={dim} of a {shape} tensor")


@given(shape=st.lists(st.integers(1, 5), min_size=1, max_size=4, unique=True), seed=draw.seeds)
@example(shape=[3, 3], seed=0)
def test_softmax_runs_along_the_last_dimension_unless_told_otherwise(submission, shape, seed):
    """Without `dim`, the softmax runs along the last dimension."""
    x = draw.normal(seed, *shape)
    same(verbs.call(submission.softmax, x), by_rows(x, -1), dims(shape), "the weight")


@given(case=CASES, seed=draw.seeds)
@example(case=((3, 3), 0), seed=0)
@example(case=((3, 3), 1), seed=0)
def test_softmax_is_exp_divided_by_the_sum_of_exps(submission, case, seed):
    """Each weight is the exp of its entry, divided by the sum of the exps along the dimension, negative ones too."""
    shape, dim = case
    # Seen through a transpose: a tensor need not lie in memory in the order of its indices.
    x = draw.normal(seed, *shape[::-1]).permute(*reversed(range(len(shape))))
    result = verbs.call(submission.softmax, x, dim=dim)
    same(result, by_rows(x, dim), dims(shape), f"the weight, with dim={dim},")


@given(entries=st.integers(2, 8), seed=draw.seeds)
@example(entries=2, seed=0)
def test_softmax_keeps_the_order(submission, entries, seed):
    """A larger entry gets a larger weight, also among negative ones; equal entries get equal weights."""
    x = draw.normal(seed, entries)
    x[0] = x[-1]
    weights = tensor(verbs.call(submission.softmax, x, 0), {"entry": entries})
    for i, a in enumerate(x.tolist()):
        for j, b in enumerate(x.tolist()):
            first, second = weights[i].item(), weights[j].item()
            says = f"Of {a:.4g} and {b:.4g}, the softmax makes {first:.6g} and {second:.6g}: "
            if a > b:
                holds(first > second, says + "the larger must get more.")
            elif a == b:
                holds(abs(first - second) <= 1e-12, says + "equals must get the same.")


@given(case=CASES, seed=draw.seeds, far=st.sampled_from([1.0, 50.0, 1e4]))
@example(case=((2, 3), 1), seed=1, far=1e4)
def test_softmax_cares_about_differences_only(submission, case, seed, far):
    """Adding the same number, up to ±10,000, to every entry of a row changes no weight."""
    shape, dim = case
    x = draw.normal(seed, *shape)
    shift = far * draw.normal(seed + 1, *shape).sum(dim, keepdim=True).sign()
    what = f"the weight, after ±{far:g} was added to each row,"
    same(verbs.call(submission.softmax, x + shift, dim), by_rows(x, dim), dims(shape), what)


@given(case=with_a_dim(st.lists(st.integers(2, 5), min_size=2, max_size=3, unique=True).map(tuple)), seed=draw.seeds)
@example(case=((3, 3), 0), seed=0)
def test_softmax_treats_each_row_on_its_own(submission, case, seed):
    """What stands in one row does not change the weights of another, even if it is far larger."""
    shape, dim = case
    x, row = draw.normal(seed, *shape), one_row(shape, dim, seed)
    alone = tensor(verbs.call(submission.softmax, x[row], 0), {"entry": shape[dim]})
    crowd = torch.where(row, x, x + 5000.0)
    among = verbs.call(submission.softmax, crowd, dim)
    tensor(among, dict(zip(dims(shape), shape, strict=True)), what="the softmax, with all rows but one raised by 5000,")
    same(among[row], alone, ("entry",), "the weight of a row, among rows that are larger by 5000,")


@given(case=CASES, seed=draw.seeds, dtype=st.sampled_from([torch.float64, torch.float32]))
@example(case=((2, 3), -1), seed=0, dtype=torch.float64)
@example(case=((2,), 0), seed=0, dtype=torch.float32)
def test_softmax_stays_finite_for_huge_entries(submission, case, seed, dtype):
    """For entries of ±10,000 nothing overflows: weights stay finite and sum to one."""
    shape, dim = case
    x = 1e4 * draw.normal(seed, *shape).sign()
    weights = verbs.call(submission.softmax, x.to(dtype), dim)
    what = f"the softmax of entries of ±10,000 in {str(dtype).removeprefix('torch.')}"
    tensor(weights, dict(zip(dims(shape), shape, strict=True)), dtype, what)
    # Rounding a sum near 10,000 to float32 costs three digits, which is nobody's mistake.
    same(weights, by_rows(x, dim).to(dtype), dims(shape), what, tolerance=1e-9 if dtype == torch.float64 else 1e-2)


@given(case=with_a_dim(st.lists(st.integers(2, 5), min_size=1, max_size=3, unique=True).map(tuple)), seed=draw.seeds)
@example(case=((2, 3), 1), seed=0)
def test_softmax_gives_minus_infinity_no_weight(submission, case, seed):
    """An entry of -inf gets weight exactly 0, and the others share the whole: this is how masks will work."""
    shape, dim = case
    x = draw.normal(seed, *shape)
    hidden = draw.normal(seed + 1, *shape) > 0
    hidden &= x != x.amax(dim, keepdim=True)  # one of each row stays
    x = x.masked_fill(hidden, -torch.inf)
    what = "the softmax of rows with some entries at -inf"
    weights = tensor(verbs.call(submission.softmax, x, dim), dict(zip(dims(shape), shape, strict=True)), what=what)
    highest = weights[hidden].abs().max().item() if hidden.any() else 0.0
    holds(highest == 0, f"An entry of -inf got the weight {highest:.3g}; it must get exactly 0.")
    same(weights, by_rows(x, dim), dims(shape), what)


@given(case=CASES, seed=draw.seeds)
def test_softmax_leaves_its_input_alone(submission, case, seed):
    """The softmax is a new tensor: the entries it was made from are still there."""
    shape, dim = case
    x = draw.normal(seed, *shape)
    weights = tensor(verbs.call(submission.softmax, x, dim), dict(zip(dims(shape), shape, strict=True)))
    holds(weights.data_ptr() != x.data_ptr(), "The softmax lies in the memory of its input. Work on a copy.")


@given(case=CASES, seed=draw.seeds)
@example(case=((2, 3), 0), seed=0)
def test_the_gradient_flows_through_softmax(submission, case, seed):
    """The gradient flows through the softmax, and is the slope that small steps measure."""
    shape, dim = case
    modules.gradient_reaches_the_input(lambda x: verbs.call(submission.softmax, x, dim), draw.normal(seed, *shape))


@given(case=CASES, seed=draw.seeds)
def test_softmax_is_written_by_hand(submission, case, seed):
    """The softmax is written by hand: none of PyTorch's own runs, whatever it is called."""
    shape, dim = case  # the card names the operators that may not run
    x = draw.normal(seed, *shape)
    tensor(verbs.call(submission.softmax, x, dim), dict(zip(dims(shape), shape, strict=True)))


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=SQUARE, seed=0)
def test_a_context_vector_mixes_all_tokens_by_their_scores(submission, size, seed):
    """A context vector is the sum of all tokens, the query itself too, each times the softmax of its score."""
    x = inputs(size, seed)
    expected = oracles.attention(x, x, x, scale=1.0)
    for query in range(size.tokens):
        vector = verbs.call(submission.context_vector, x, query)
        tensor(vector, {"dim": size.dim}, torch.float64, "the context vector")
        same(vector, expected[query], ("feature",), f"the context vector of token {query}")


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=SQUARE, seed=0)
def test_every_token_becomes_one_context_vector(submission, size, seed):
    """Every token becomes one context vector, with as many features as the token has."""
    result = verbs.call(submission.context_vectors, inputs(size, seed))
    tensor(result, {"tokens": size.tokens, "dim": size.dim}, torch.float64)


@given(size=SIZES, seed=draw.seeds)
@example(size=SQUARE, seed=0)
def test_all_at_once_is_one_by_one(submission, size, seed):
    """All context vectors at once are the same as one by one."""
    x = inputs(size, seed)
    single = torch.stack([verbs.call(submission.context_vector, x, query) for query in range(size.tokens)])
    same(
        verbs.call(submission.context_vectors, x), single, AXES, "context_vectors(x), beside context_vector(x, token),"
    )


@given(size=SIZES, seed=draw.seeds)
def test_a_mix_lies_between_what_is_mixed(submission, size, seed):
    """No context vector leaves the tokens' range: each feature lies between the smallest and the largest token's."""
    x = inputs(size, seed)
    result = tensor(verbs.call(submission.context_vectors, x), {"tokens": size.tokens, "dim": size.dim})
    for token, vector in enumerate(result.tolist()):
        for feature, number in enumerate(vector):
            low, high = x[:, feature].min().item(), x[:, feature].max().item()
            holds(
                low - 1e-9 <= number <= high + 1e-9,
                f"At token {token}, feature {feature} the result is {number:.6g}, but the tokens only reach from "
                f"{low:.6g} to {high:.6g}: the weights must be positive and sum to one.",
            )


@given(size=SIZES, seed=draw.seeds)
def test_equal_tokens_stay_as_they_are(submission, size, seed):
    """Where all tokens are equal, every mix of them is that same token."""
    x = draw.normal(seed, size.dim).repeat(size.tokens, 1)
    same(verbs.call(submission.context_vectors, x), x, AXES, "the context vector of equal tokens")


@given(size=SIZES, seed=draw.seeds)
@example(size=SQUARE, seed=0)
def test_the_order_of_tokens_does_not_matter(submission, size, seed):
    """Attention sees a set: reordering the tokens reorders the context vectors, and changes none."""
    modules.order_is_kept(submission.context_vectors, inputs(size, seed), seed, AXES)


@given(size=SIZES, seed=draw.seeds)
@example(size=SQUARE, seed=0)
def test_only_angles_and_lengths_matter(submission, size, seed):
    """Rotating all tokens together rotates the context vectors with them."""
    x = inputs(size, seed)
    rotation = torch.linalg.qr(draw.normal(seed + 1, size.dim, size.dim)).Q
    expected = verbs.call(submission.context_vectors, x) @ rotation
    same(verbs.call(submission.context_vectors, x @ rotation), expected, AXES, "the context vector of rotated tokens")


@given(tokens=st.integers(1, 6), seed=draw.seeds)
def test_the_weights_of_each_query_sum_to_one(submission, tokens, seed):
    """The weights that each query gives, to itself and all others, are positive and sum to one."""
    x, lengths = one_hot_tokens(tokens, seed)
    weights = tensor(verbs.call(submission.context_vectors, x), {"query": tokens, "key": tokens}) / lengths
    modules.weights_are_a_distribution(weights, torch.ones(tokens, tokens, dtype=torch.bool), "the weights")


@given(tokens=st.integers(2, 6), seed=draw.seeds)
def test_the_scores_are_not_scaled(submission, tokens, seed):
    """The softmax gets the plain dot products: nothing divides them by a root here."""
    x, lengths = one_hot_tokens(tokens, seed)
    weights = tensor(verbs.call(submission.context_vectors, x), {"query": tokens, "key": tokens}) / lengths
    factor = observe.score_scale(x, x, weights)
    holds(
        abs(factor - 1) <= 1e-6,
        f"With tokens of dim {tokens}, the weights are those of dot products times {factor:.4g}; 1/√{tokens} is "
        f"{tokens**-0.5:.4g}. The factor should be 1: scaling comes with queries and keys, in the next exercise.",
    )


@given(size=SIZES, seed=draw.seeds)
def test_long_tokens_do_not_overflow(submission, size, seed):
    """Long tokens, whose scores are in the thousands, come out finite and right."""
    x = 60.0 * inputs(size, seed)
    result = verbs.call(submission.context_vectors, x)
    same(result, oracles.attention(x, x, x, scale=1.0), AXES, "the context vector of long tokens")


@given(size=SIZES, seed=draw.seeds)
def test_everything_keeps_float32(submission, size, seed):
    """What comes in as float32 goes out as float32."""
    x = inputs(size, seed).float()
    square, exact = (size.tokens, size.tokens), x.double()
    what = "of a float32 input"
    scores = verbs.call(submission.attention_scores, x)
    same(scores, (exact @ exact.T).float(), ("query", "key"), f"the score {what}")
    weights = verbs.call(submission.softmax, scores, -1)
    same(weights, by_rows(scores, -1).reshape(square), ("query", "key"), f"the weight {what}")
    expected = oracles.attention(exact, exact, exact, scale=1.0).float()
    same(verbs.call(submission.context_vector, x, 0), expected[0], ("feature",), f"the context vector {what}")
    same(verbs.call(submission.context_vectors, x), expected, AXES, f"the context vector {what}")


@given(size=draw.sizes(tokens=(1, 4), dim=(1, 4)), seed=draw.seeds)
def test_the_gradient_flows_through_context_vectors(submission, size, seed):
    """The gradient flows from scores and context vectors back to the tokens, through the weights too."""
    x = inputs(size, seed)
    modules.gradient_reaches_the_input(submission.attention_scores, x)
    modules.gradient_reaches_the_input(lambda tokens: verbs.call(submission.context_vector, tokens, 0), x)
    modules.gradient_reaches_the_input(submission.context_vectors, x)


def probe(submission):
    """Calls that tell the misconceptions apart, function by function."""

    def tokens():  # (tokens, dim)
        return draw.normal(1, 3, 4)

    def entries():  # of rank 3, so that no two ways of counting dimensions agree
        return draw.normal(2, 2, 3, 5)

    def softmax(x, *dim):
        # Four digits are compared of float32: whoever loses the others is found by the calls that look at them alone.
        return submission.softmax(x, *dim).float()

    def softmax_of(*row):
        return softmax(torch.tensor(row, dtype=torch.float64), 0)

    def close_entries_keep_their_ratio():
        first, second = submission.softmax(torch.tensor([0.0, -1e-6], dtype=torch.float64), 0).tolist()
        return abs(first / second - math.exp(1e-6)) < 1e-12

    def the_only_entry_gets_everything():
        return abs(submission.softmax(torch.tensor([0.5], dtype=torch.float64), 0).item() - 1) < 1e-14

    def input_after_softmax():
        x = entries()
        submission.softmax(x, 1)
        return x

    def ready_made():
        # Autograd remembers what made a result, and names it after the operator.
        steps = [submission.softmax(entries().requires_grad_(), 1).grad_fn]
        for step in steps:  # grows as it goes
            steps += [before for before, _ in getattr(step, "next_functions", ())]
        return sorted({step.name() for step in steps if step and "softmax" in step.name().lower()})

    def slopes():
        x = entries().requires_grad_()
        result = submission.softmax(x, 1)
        (result * draw.normal(3, *result.shape)).sum().backward()
        return x.grad.float()

    return [
        lambda: submission.attention_scores(tokens()),
        lambda: submission.attention_scores(tokens().float()).dtype == torch.float32,
        lambda: softmax(entries()),
        lambda: softmax(entries(), 0),
        lambda: softmax(entries(), 1),
        lambda: softmax(entries(), -1),
        lambda: softmax(entries(), -2),
        lambda: softmax(draw.normal(4, 3, 3), 1),
        lambda: softmax_of(2000.0, 1000.0, 1999.0),
        lambda: softmax(torch.tensor([[0.0, 1.0], [5000.0, 5001.0]], dtype=torch.float64), 1),
        lambda: softmax_of(-torch.inf, 0.0, 1.0),
        lambda: [str(submission.softmax(entries().to(dtype), 1).dtype) for dtype in (torch.float32, torch.float64)],
        close_entries_keep_their_ratio,
        the_only_entry_gets_everything,
        input_after_softmax,
        ready_made,
        slopes,
        lambda: submission.context_vector(tokens(), 0).float(),
        lambda: submission.context_vector(tokens(), 2).float(),
        lambda: submission.context_vector(60 * tokens(), 1).float(),
        lambda: submission.context_vectors(tokens()).float(),
        lambda: submission.context_vectors(60 * tokens()).float(),
    ]
