"""The laws of sampling."""

import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import nn

from kata.laws import draw, oracles, verbs
from kata.laws.checks import broken, holds, refuses, same, tensor
from kata.laws.draw import Sizes

AXES = ("row", "token")
SIZES = draw.sizes(batch=(1, 5), vocab=(2, 9))
ONE_ROW = Sizes(batch=1, vocab=4)
SQUARE = Sizes(batch=4, vocab=4)  # where a threshold a row may pass for a threshold a token
temperatures = st.floats(0.2, 4)
masses = st.floats(0.05, 0.95)
PROMPTS = draw.sizes(batch=(1, 4), tokens=(1, 6), vocab=(3, 9), new=(1, 7))


def logits_of(size, seed, scale=2.0):
    """Logits (batch, vocab) in float64; each row has a level of its own, so that no threshold fits two rows."""
    return scale * draw.normal(seed, size.batch, size.vocab) + 5 * draw.normal(seed + 1, size.batch, 1)


def softmax(logits, temperature=1.0):
    """The softmax of each row, number by number."""
    rows = [oracles.softmax_row([x / temperature for x in row]) for row in logits.tolist()]
    return torch.tensor(rows, dtype=torch.float64)


def kept(probabilities, k=None):
    """The k largest of each row, with sum one."""
    if k is None or k >= probabilities.shape[1]:
        return probabilities
    rows = [[x if x >= sorted(row)[-k] else 0.0 for x in row] for row in probabilities.tolist()]
    return torch.tensor([[x / sum(row) for x in row] for row in rows], dtype=torch.float64)


ROUNDING = 1e-5
"""How far a probability may be off: the softmax may well be computed in float32, whatever is returned."""


def distribution(submission, logits, *options, **named):
    """What next_token_probabilities returns, as float64; each row must be a distribution."""
    result = verbs.call(submission.next_token_probabilities, logits, *options, **named)
    result = tensor(result, {"batch": logits.shape[0], "vocab": logits.shape[1]})
    holds(result.is_floating_point(), f"The probabilities should be floating point numbers, but are {result.dtype}.")
    result = result.detach().double()
    if bool((result < 0).any()):
        row, token = (result < 0).nonzero()[0].tolist()
        broken(f"Row {row} gives token {token} the probability {result[row, token].item():.4g}: none may be below 0.")
    sums = result.sum(dim=-1)
    worst = int((sums - 1).abs().argmax())
    holds(
        abs(sums[worst].item() - 1) <= 10 * ROUNDING,
        f"The probabilities of row {worst} should sum to 1, but sum to {sums[worst].item():.6g}. Whatever is left out, "
        "what is left must be divided by its sum.",
    )
    return result


def is_a_nucleus(result, before, top_p, of="the softmax"):
    """Each row of the result is the smallest set of the most probable tokens of `before` whose mass reaches top_p."""
    for row, (now, was) in enumerate(zip(result, before, strict=True)):
        chosen = now > 0
        mass, least = was[chosen].sum().item(), was[chosen].min().item()
        left_out = was[~chosen].max().item() if not bool(chosen.all()) else 0.0
        says = (
            f"With top_p {top_p:.4g}, row {row} keeps tokens {chosen.nonzero().flatten().tolist()} of {of} "
            f"{[round(p, 4) for p in was.tolist()]}, a mass of {mass:.4g}"
        )
        holds(least >= left_out - ROUNDING, f"{says}, and leaves out a more probable one ({left_out:.4g}).")
        holds(
            mass >= top_p - ROUNDING,
            f"{says}, which does not reach top_p: the token that takes the mass to top_p or beyond stays.",
        )
        # How ties at the edge fall is free: all that are as probable as the last one count as that one.
        without = was[chosen & (was > least + ROUNDING)].sum().item()
        holds(
            without < top_p + ROUNDING,
            f"{says}. Without the least probable of them the mass is {without:.4g}, which reaches top_p already.",
        )
        same(now, torch.where(chosen, was / mass, 0.0), ("token",), f"the probability in row {row}", 10 * ROUNDING)


@given(size=SIZES, seed=draw.seeds, named=st.sampled_from([{}, {"temperature": 1.0}, {"top_k": None, "top_p": None}]))
@example(size=ONE_ROW, seed=0, named={})
@example(size=SQUARE, seed=0, named={})
def test_at_temperature_1_it_is_the_softmax(submission, size, seed, named):
    """At temperature 1, which is the default, and with nothing left out, it is the softmax of each row."""
    logits = logits_of(size, seed)
    result = distribution(submission, logits, **named)
    what = "".join(f" with {name} {value}, which leaves nothing out," for name, value in named.items())
    what = what if "temperature" not in named else " with temperature 1"
    same(result, softmax(logits), AXES, f"the probability{what}", 10 * ROUNDING)


@given(
    size=SIZES,
    seed=draw.seeds,
    scale=st.sampled_from([1.0, 1e4]),
    temperature=st.sampled_from([0, 0.01, 0.5, 1.0, 100.0]),
    top_k=st.none() | st.integers(1, 12),
    top_p=st.none() | st.floats(0.01, 1),
)
@example(size=SQUARE, seed=0, scale=1e4, temperature=1.0, top_k=None, top_p=None)
@example(size=SQUARE, seed=0, scale=1.0, temperature=0.5, top_k=2, top_p=0.01)
def test_every_row_is_a_distribution(submission, size, seed, scale, temperature, top_k, top_p):
    """Whatever is asked for, and however large the logits, no probability is negative and each row sums to one."""
    distribution(submission, logits_of(size, seed, scale), temperature, top_k, top_p)


@given(size=SIZES, seed=draw.seeds, temperature=temperatures)
@example(size=SQUARE, seed=0, temperature=0.5)
def test_temperature_raises_probabilities_to_a_power(submission, size, seed, temperature):
    """At temperature T the probabilities are those at temperature 1 to the power of 1/T, with sum one."""
    logits = logits_of(size, seed)
    result = distribution(submission, logits, temperature)
    powers = softmax(logits) ** (1 / temperature)
    expected = powers / powers.sum(dim=-1, keepdim=True)
    same(result, expected, AXES, f"the probability at temperature {temperature:.4g}", 10 * ROUNDING)


@given(size=SIZES, seed=draw.seeds)
def test_temperature_goes_from_greedy_to_uniform(submission, size, seed):
    """A temperature near 0 gives the largest logit nearly everything, a very high one every token the same."""
    logits = logits_of(size, seed)
    top, second = logits.topk(2).values.unbind(-1)
    assume((top - second).min() > 0.01)
    cold = distribution(submission, logits, 1e-4)
    same(cold, torch.eye(size.vocab).double()[logits.argmax(-1)], AXES, "the probability at temperature 0.0001", 1e-5)
    hot = distribution(submission, logits, 1e9)
    same(hot, torch.full_like(hot, 1 / size.vocab), AXES, "the probability at temperature 1e9", 1e-5)


@given(
    size=SIZES,
    seed=draw.seeds,
    zero=st.sampled_from([0.0, 0]),
    top_k=st.none() | st.integers(1, 12),
    top_p=st.none() | st.floats(0.05, 1),
    ties=st.booleans(),
)
@example(size=SQUARE, seed=0, zero=0.0, top_k=None, top_p=None, ties=False)
@example(size=SQUARE, seed=0, zero=0.0, top_k=None, top_p=None, ties=True)
@example(size=SQUARE, seed=0, zero=0.0, top_k=3, top_p=None, ties=True)
def test_temperature_0_takes_the_largest_logit(submission, size, seed, zero, top_k, top_p, ties):
    """At temperature 0 the largest logit of each row, or one of them, has probability one, with any top_k and top_p."""
    logits = draw.integers(seed, 2, size.batch, size.vocab).double() if ties else logits_of(size, seed)
    result = distribution(submission, logits, zero, top_k, top_p)
    chosen = logits.argmax(-1)
    for row, (now, was) in enumerate(zip(result, logits, strict=True)):
        if was[now.argmax()] == was.max():  # which of several is free
            chosen[row] = now.argmax()
    several = ", where one of the largest logits takes all," if ties else ""
    same(result, torch.eye(size.vocab).double()[chosen], AXES, f"the probability at temperature 0{several}")


@given(size=SIZES, seed=draw.seeds, top_k=st.integers(1, 9), temperature=temperatures)
@example(size=ONE_ROW, seed=0, top_k=1, temperature=1.0)
@example(size=SQUARE, seed=0, top_k=2, temperature=1.0)
@example(size=SQUARE, seed=0, top_k=4, temperature=1.0)
def test_top_k_keeps_the_k_largest_of_each_row(submission, size, seed, top_k, temperature):
    """Top-k keeps the k largest logits of each row, and nothing else, in the proportions that they had."""
    logits = logits_of(size, seed)
    top_k = min(top_k, size.vocab)
    result = distribution(submission, logits, temperature, top_k)
    for row, (now, was) in enumerate(zip(result, logits, strict=True)):
        wanted = sorted(was.topk(top_k).indices.tolist())
        found = now.nonzero().flatten().tolist()
        holds(
            found == wanted,
            f"With top_k {top_k}, row {row} keeps tokens {found} of the logits {[round(x, 3) for x in was.tolist()]}: "
            f"it should keep {wanted}, its {top_k} largest.",
        )
    same(result, kept(softmax(logits, temperature), top_k), AXES, f"the probability with top_k {top_k}", 10 * ROUNDING)


@given(size=SIZES, seed=draw.seeds, more=st.integers(1, 40))
def test_a_top_k_beyond_the_vocabulary_keeps_all(submission, size, seed, more):
    """A top_k larger than the vocabulary keeps every token."""
    logits = logits_of(size, seed)
    try:
        result = distribution(submission, logits, 1.0, size.vocab + more)
    except NotImplementedError:
        raise
    except (RuntimeError, IndexError) as error:
        broken(
            f"With top_k {size.vocab + more} and a vocabulary of {size.vocab}, your code raised "
            f"{type(error).__name__}: {error}. Keep all tokens there."
        )
    same(result, softmax(logits), AXES, f"the probability with top_k {size.vocab + more}", 10 * ROUNDING)


@given(vocab=st.integers(2, 8), top_k=st.integers(1, 8), seed=draw.seeds)
@example(vocab=4, top_k=2, seed=0)
def test_among_equals_top_k_keeps_at_least_k(submission, vocab, top_k, seed):
    """Where several logits are as large as the k-th, which of them stay is free, but at least k tokens do."""
    logits = draw.integers(seed, 3, 2, vocab).double()
    result = distribution(submission, logits, 1.0, top_k)
    for row, (now, was) in enumerate(zip(result, logits, strict=True)):
        edge = was.sort(descending=True).values[min(top_k, vocab) - 1]
        says = f"With top_k {top_k}, row {row} with the logits {was.tolist()} keeps {now.nonzero().flatten().tolist()}"
        count = int((now > 0).sum())
        holds(count >= min(top_k, vocab), f"{says}: these are fewer than {min(top_k, vocab)}.")
        holds(bool((now[was > edge] > 0).all()), f"{says}, and leaves out a larger one.")
        holds(not bool((now[was < edge] > 0).any()), f"{says}, which is more than its {top_k} largest.")


@given(size=SIZES, seed=draw.seeds, top_p=masses)
@example(size=ONE_ROW, seed=0, top_p=0.5)
@example(size=SQUARE, seed=0, top_p=0.8)
@example(size=SQUARE, seed=0, top_p=1e-6)
@example(size=SQUARE, seed=0, top_p=1.0)
def test_top_p_keeps_the_smallest_set_that_reaches_p(submission, size, seed, top_p):
    """Top-p keeps the smallest set of the most probable tokens whose mass reaches p: the one that crosses p stays."""
    logits = logits_of(size, seed, scale=1.0)
    result = distribution(submission, logits, top_p=top_p)
    is_a_nucleus(result, softmax(logits), top_p)


@given(size=SIZES, seed=draw.seeds, top_p=masses, temperature=st.sampled_from([0.3, 0.5, 2.0, 4.0]))
@example(size=SQUARE, seed=0, top_p=0.7, temperature=4.0)
def test_top_p_acts_on_what_temperature_left(submission, size, seed, top_p, temperature):
    """Temperature comes before top-p: the mass is that of the probabilities at that temperature."""
    logits = logits_of(size, seed)
    result = distribution(submission, logits, temperature, None, top_p)
    is_a_nucleus(result, softmax(logits, temperature), top_p, f"the softmax at temperature {temperature:g}")


@given(size=SIZES, seed=draw.seeds, top_k=st.integers(1, 6), top_p=masses, temperature=temperatures)
@example(size=SQUARE, seed=0, top_k=2, top_p=0.7, temperature=4.0)
@example(size=SQUARE, seed=3, top_k=3, top_p=0.6, temperature=4.0)
def test_top_p_acts_on_what_top_k_left(submission, size, seed, top_k, top_p, temperature):
    """Top-k comes before top-p: the mass is that of the tokens that top-k kept, once they sum to one."""
    logits = logits_of(size, seed)
    result = distribution(submission, logits, temperature, top_k, top_p)
    before = kept(softmax(logits, temperature), top_k)
    is_a_nucleus(result, before, top_p, f"what top_k {top_k} left at temperature {temperature:.3g},")


@given(
    size=SIZES, seed=draw.seeds, temperature=temperatures, top_k=st.none() | st.integers(1, 5), top_p=st.none() | masses
)
@example(size=SQUARE, seed=0, temperature=1.0, top_k=2, top_p=0.7)
def test_rows_do_not_mix(submission, size, seed, temperature, top_k, top_p):
    """Each row comes out as it does alone."""
    logits = logits_of(size, seed)
    whole = distribution(submission, logits, temperature, top_k, top_p)
    for row in range(size.batch):
        alone = distribution(submission, logits[row : row + 1].clone(), temperature, top_k, top_p)
        what = f"the probability in row {row} alone (not in its batch of {size.batch})"
        same(alone, whole[row : row + 1], AXES, what, 10 * ROUNDING)


@given(
    size=draw.sizes(batch=(1, 4), vocab=(3, 9)),
    seed=draw.seeds,
    temperature=st.sampled_from([0.0, 0.5, 2.0]),
    top_k=st.none() | st.integers(1, 9),
    top_p=st.none() | st.floats(0.3, 1),
)
@example(size=SQUARE, seed=0, temperature=1.0, top_k=4, top_p=None)
@example(size=SQUARE, seed=0, temperature=1.0, top_k=None, top_p=1.0)
def test_a_logit_of_minus_infinity_is_never_drawn(submission, size, seed, temperature, top_k, top_p):
    """A logit of minus infinity gets no probability, and disturbs nothing."""
    logits = logits_of(size, seed)
    hidden = draw.normal(seed + 2, size.batch, size.vocab) > 0
    hidden[torch.arange(size.batch), draw.integers(seed, size.vocab, size.batch)] = False  # one is left in each row
    result = distribution(submission, logits.masked_fill(hidden, -torch.inf), temperature, top_k, top_p)
    if bool((result[hidden] > 0).any()):
        row, token = ((result > 0) & hidden).nonzero()[0].tolist()
        broken(f"In row {row}, token {token} has a logit of -inf and the probability {result[row, token].item():.4g}.")


@given(
    batch=st.integers(1, 3),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    seed=draw.seeds,
    temperature=st.sampled_from([1.0, 2.0]),
    top_k=st.sampled_from([None, 3, 4]),
    place=st.none() | st.integers(0, 2),
)
def test_it_works_in_float32_and_bfloat16(submission, batch, dtype, seed, temperature, top_k, place):
    """Logits in float32 or bfloat16 give the same probabilities, up to rounding."""
    orders = [torch.randperm(5, generator=draw.generator(seed + row)) for row in range(batch)]
    logits = torch.tensor([0.0, -1.0, -2.0, -3.5, -5.0])[torch.stack(orders)].to(dtype)
    expected = kept(softmax(logits, temperature), top_k)
    top_p = None
    if place is not None:  # half-way between two masses, so that rounding decides nothing
        steps = expected[0].sort(descending=True).values
        top_p = (steps[:place].sum() + steps[place] / 2).item()
        expected = kept(expected, place + 1)
    result = distribution_in(submission, logits, temperature, top_k, top_p)
    what = f"the probability for logits in {str(dtype)[6:]}"
    same(result, expected, AXES, what, 1e-4 if dtype == torch.float32 else 6e-2)
    # And a model in that dtype can be sampled from.
    model, prompt = draw.stand_in(Table, logits[:1].repeat(5, 1)), torch.zeros(2, 1, dtype=torch.int64)
    drawn = goes_on(verbs.call(submission.generate, model, prompt, 3, 4, temperature, 1), prompt, 3)
    expected = torch.cat([prompt, logits[:1].argmax(-1).expand(2, 3)], dim=1)
    same(drawn, expected, AXES, f"the token that a model in {str(dtype)[6:]} generates with top_k 1")


def distribution_in(submission, logits, *options):
    """As `distribution`, for a dtype that rounds too much to ask for sums of one."""
    result = verbs.call(submission.next_token_probabilities, logits, *options)
    result = tensor(result, {"batch": logits.shape[0], "vocab": logits.shape[1]})
    holds(result.is_floating_point(), f"The probabilities should be floating point numbers, but are {result.dtype}.")
    return result.detach().double()


REFUSED = [
    *({"temperature": value} for value in (-1.0, -0.25)),
    *({"top_k": value} for value in (0, -3)),
    *({"top_p": value} for value in (0.0, -0.5, 1.5)),
]


@given(size=SIZES, seed=draw.seeds, named=st.sampled_from(REFUSED), greedy=st.booleans(), generating=st.booleans())
@example(size=SQUARE, seed=0, named={"top_k": 0}, greedy=True, generating=False)
@example(size=SQUARE, seed=0, named={"top_p": 0.0}, greedy=False, generating=False)
@example(size=SQUARE, seed=0, named={"top_p": 1.5}, greedy=False, generating=True)
@example(size=SQUARE, seed=0, named={"temperature": -0.25}, greedy=False, generating=False)
def test_impossible_options_are_refused(submission, size, seed, named, greedy, generating):
    """A temperature below 0, a top_k below 1, and a top_p outside (0, 1] are refused, at temperature 0 as well."""
    options = {"temperature": 0.0 if greedy else 1.0, **named}
    ((name, value),) = named.items()
    says = f"{name}={value}" + (" at temperature 0" if greedy and name != "temperature" else "")
    if generating:
        model, prompt = (
            draw.stand_in(Table, logits_of(Sizes(batch=size.vocab, vocab=size.vocab), seed)),
            torch.zeros(2, 1).long(),
        )
        refuses(
            lambda: verbs.call(submission.generate, model, prompt, 3, 4, **options),
            f"{says}, given to generate,",
            [value],
        )
    else:
        refuses(
            lambda: verbs.call(submission.next_token_probabilities, logits_of(size, seed), **options), says, [value]
        )


class Table(nn.Module):
    """A model that looks at the last token only: row t of its table holds the logits of what follows token t."""

    def __init__(self, table):
        super().__init__()
        self.table = nn.Parameter(table)

    def forward(self, ids):
        return self.table[ids]  # (batch, tokens) -> (batch, tokens, vocab)


class Reader(nn.Module):
    """A model whose logits depend on every token that it sees and on where that stands; it refuses too many.

    In training mode it says the opposite. It notes how many tokens it saw, and whether gradients were on.
    """

    def __init__(self, vocab, context_length, seed):
        super().__init__()
        self.table = nn.Parameter(draw.normal(seed, context_length, vocab, vocab))
        self.part = nn.Identity()  # the mode must reach the parts of a model as well
        self.saw, self.had_gradients = [], []

    def forward(self, ids):
        tokens = ids.shape[1]
        self.saw.append(tokens)
        self.had_gradients.append(torch.is_grad_enabled())
        if tokens > len(self.table):
            broken(
                f"The model was given {tokens} tokens, but context_size is {len(self.table)}: "
                "show it the last context_size tokens only."
            )
        logits = self.table[torch.arange(tokens), ids].cumsum(dim=1)  # (batch, tokens) -> (batch, tokens, vocab)
        return -logits if self.part.training else logits


def greedily(model, prompt, new, context_size):
    """The most probable token, again and again, row by row."""
    rows = []
    with torch.no_grad():
        for ids in prompt.tolist():
            for _ in range(new):
                ids = [*ids, int(model(torch.tensor([ids[-context_size:]]))[0, -1].argmax())]
            rows.append(ids)
    return torch.tensor(rows)


def goes_on(result, prompt, new, at_most=False):
    """The result is the prompt with `new` more tokens in each row; returns it."""
    batch, tokens = prompt.shape
    length = result.shape[1] if at_most and isinstance(result, torch.Tensor) and result.dim() == 2 else tokens + new
    result = tensor(result, {"batch": batch, "tokens": length}, torch.int64)
    holds(
        tokens <= length <= tokens + new,
        f"A prompt of {tokens} tokens and at most {new} new ones gave {length} tokens.",
    )
    same(result[:, :tokens], prompt, AXES, "the prompt in the result")
    return result


@given(size=PROMPTS, seed=draw.seeds, context_size=st.integers(1, 9))
@example(size=Sizes(batch=1, tokens=1, vocab=3, new=0), seed=0, context_size=1)
def test_the_prompt_goes_on_with_new_tokens(submission, size, seed, context_size):
    """The result is each prompt, unchanged, and max_new_tokens further tokens."""
    prompt = draw.integers(seed, size.vocab, size.batch, size.tokens)
    model = draw.stand_in(Reader, size.vocab, context_size, seed)
    goes_on(verbs.call(submission.generate, model, prompt, size.new, context_size), prompt, size.new)


@given(size=PROMPTS, seed=draw.seeds, named=st.sampled_from([{}, {"temperature": 0.0, "top_k": 3}, {"top_p": 0.9}]))
@example(size=Sizes(batch=2, tokens=2, vocab=4, new=4), seed=0, named={})
def test_by_default_the_most_probable_token_is_taken(submission, size, seed, named):
    """At temperature 0, which is the default here, each token is the most probable one after all those before it."""
    prompt, context_size = draw.integers(seed, size.vocab, size.batch, size.tokens), size.tokens + size.new
    model = draw.stand_in(Reader, size.vocab, context_size, seed).eval()
    expected = greedily(model, prompt, size.new, context_size)
    result = goes_on(verbs.call(submission.generate, model, prompt, size.new, context_size, **named), prompt, size.new)
    same(result, expected, AXES, "the token")


@given(size=PROMPTS, seed=draw.seeds, context_size=st.integers(1, 6))
@example(size=Sizes(batch=2, tokens=5, vocab=4, new=4), seed=0, context_size=3)
def test_the_model_sees_the_last_context_size_tokens(submission, size, seed, context_size):
    """The model sees the last context_size tokens, all of them while there are fewer, and never more."""
    prompt = draw.integers(seed, size.vocab, size.batch, size.tokens)
    model = draw.stand_in(Reader, size.vocab, context_size, seed).eval()
    expected = greedily(model, prompt, size.new, context_size)
    model.saw.clear()
    result = goes_on(verbs.call(submission.generate, model, prompt, size.new, context_size), prompt, size.new)
    most = min(context_size, size.tokens + size.new - 1)
    holds(
        max(model.saw) == most,
        f"The model saw at most {max(model.saw)} tokens: with context_size {context_size} it should have seen {most}.",
    )
    same(result, expected, AXES, f"with context_size {context_size}, the token")


@given(size=PROMPTS, seed=draw.seeds, training=st.booleans())
@example(size=Sizes(batch=2, tokens=1, vocab=4, new=3), seed=0, training=True)
def test_it_generates_in_eval_mode_without_gradient(submission, size, seed, training):
    """The model is in eval mode while it generates, and no gradient is kept."""
    prompt, context_size = draw.integers(seed, size.vocab, size.batch, size.tokens), 20
    model = draw.stand_in(Reader, size.vocab, context_size, seed).eval()
    expected = greedily(model, prompt, size.new, context_size)
    model.had_gradients.clear()
    result = goes_on(
        verbs.call(submission.generate, model.train(training), prompt, size.new, context_size), prompt, size.new
    )
    holds(
        not any(model.had_gradients),
        "Gradients were on while the model was called, so every call builds a graph that nobody needs. "
        "Use torch.no_grad().",
    )
    same(result, expected, AXES, "the token that a model in training mode, put into eval mode, generates")


class Breaking(nn.Module):
    """A model with a part in it that raises an error at its n-th call."""

    def __init__(self, vocab, calls_before_error):
        super().__init__()
        self.inner = nn.Sequential(nn.Dropout(0.5), nn.Embedding(vocab, vocab))
        self.calls_left = calls_before_error

    def forward(self, ids):
        self.calls_left -= 1
        if self.calls_left < 0:
            raise RuntimeError("out of memory")
        return self.inner[1](ids)


@given(
    training=st.booleans(),
    error_at=st.none() | st.integers(0, 3),
    vocab=st.integers(3, 6),
    new=st.integers(4, 6),
    grads=st.booleans(),
)
@example(training=True, error_at=None, vocab=3, new=4, grads=True)
@example(training=False, error_at=None, vocab=3, new=4, grads=False)
@example(training=True, error_at=1, vocab=3, new=4, grads=True)
def test_the_mode_is_left_as_it_was(submission, training, error_at, vocab, new, grads):
    """Afterwards the model's mode, and whether gradients are on, is as it was before, also after an error."""
    model = draw.stand_in(Breaking, vocab, 99 if error_at is None else error_at).train(training)
    after = "After generating"
    with torch.set_grad_enabled(grads):
        try:
            verbs.call(submission.generate, model, torch.zeros(2, 1, dtype=torch.int64), new, 8)
        except RuntimeError as error:
            if str(error) != "out of memory":
                raise
            after = "After an error while generating"
        left = torch.is_grad_enabled()
    names = {True: "training mode", False: "eval mode"}
    for part in model.modules():
        holds(
            part.training == training,
            f"{after}, the model is in {names[part.training]}; before, it was in {names[training]}.",
        )
    holds(left or not grads, f"{after}, gradients are switched off for everybody: nothing could be trained.")
    holds(
        grads or not left,
        f"{after}, gradients are switched on, and before they were off. A `with` block of torch.no_grad() puts back "
        "what it found.",
    )


@given(
    seed=draw.seeds,
    temperature=st.sampled_from([0.7, 1.5]),
    top_k=st.none() | st.integers(1, 3),
    top_p=st.none() | st.floats(0.3, 0.8),
)
@example(seed=0, temperature=1.5, top_k=2, top_p=None)
@example(seed=0, temperature=1.5, top_k=None, top_p=0.3)
def test_every_token_drawn_was_allowed(submission, seed, temperature, top_k, top_p):
    """Every token that is drawn has a probability above 0 after the token before it, given top_k and top_p."""
    vocab, new = 6, 8
    model = draw.stand_in(
        Table, draw.normal(seed, vocab, vocab).masked_fill(draw.normal(seed + 1, vocab, vocab) > 1.5, -9e9)
    )
    prompt = torch.arange(vocab)[:, None]
    result = verbs.call(
        submission.generate,
        model,
        prompt,
        new,
        5,
        temperature,
        top_k=top_k,
        top_p=top_p,
        generator=draw.generator(seed),
    )
    result = goes_on(result, prompt, new)
    for before, row in zip(model.table.detach(), range(vocab), strict=True):
        allowed = kept(softmax(before[None], temperature), top_k)[0]
        if top_p is not None:
            ordered, order = allowed.sort(descending=True)
            allowed[order[ordered.cumsum(0) - ordered >= top_p + 1e-9]] = 0.0
        followers = result[:, 1:][result[:, :-1] == row].unique()
        for token in followers.tolist():
            holds(
                allowed[token].item() > 0,
                f"Token {token} was drawn after token {row}, but with temperature {temperature}, top_k {top_k} and "
                f"top_p {top_p} only {allowed.nonzero().flatten().tolist()} may follow.",
            )


@settings(max_examples=5)
@given(seed=draw.seeds, temperature=st.sampled_from([0.5, 1.0, 2.0]), top_k=st.sampled_from([None, 3]))
@example(seed=0, temperature=2.0, top_k=None)
def test_tokens_are_drawn_as_often_as_they_are_probable(submission, seed, temperature, top_k):
    """Over many draws, each token comes as often as its probability says, within what chance allows."""
    vocab, batch, new = 5, 600, 4
    logits = draw.normal(seed, 1, vocab)
    model, prompt = draw.stand_in(Table, logits.repeat(vocab, 1)), draw.integers(seed, vocab, batch, 1)
    result = verbs.call(
        submission.generate, model, prompt, new, 1, temperature=temperature, top_k=top_k, generator=draw.generator(seed)
    )
    drawn = goes_on(result, prompt, new)[:, 1:].flatten().bincount(minlength=vocab).tolist()
    expected = kept(softmax(logits, temperature), top_k)[0].tolist()
    for token, (count, chance) in enumerate(zip(drawn, expected, strict=True)):
        # Six standard deviations, and six more for tokens that hardly ever come, whose counts are no bell curve: one
        # fair sampler in a hundred million is accused.
        spread = 6 * (batch * new * chance * (1 - chance)) ** 0.5 + 6
        holds(
            abs(count - batch * new * chance) <= spread,
            f"At temperature {temperature} and with top_k {top_k}, token {token} has the probability {chance:.4f} and "
            f"came {count} times of {batch * new}: it should come about {batch * new * chance:.0f} times.",
        )


@given(seed=draw.seeds, given_one=st.booleans())
@example(seed=0, given_one=True)
def test_each_row_and_each_step_draws_anew(submission, seed, given_one):
    """Equal prompts go on in different ways: each row, and each step, has a draw of its own."""
    vocab, batch, new = 9, 6, 20
    model, prompt = draw.stand_in(Table, torch.zeros(vocab, vocab)), torch.zeros(batch, 1, dtype=torch.int64)
    torch.default_generator.manual_seed(seed)
    generator = draw.generator(seed) if given_one else None
    result = goes_on(verbs.call(submission.generate, model, prompt, new, 4, 1.0, generator=generator), prompt, new)[
        :, 1:
    ]
    holds(
        bool((result != result[:1]).any()),
        f"With {vocab} equally probable tokens, {batch} rows of a batch all got the same {new} tokens: "
        "draw a token for each row.",
    )
    holds(
        bool((result != result[:, :1]).any()),
        f"With {vocab} equally probable tokens, each row got one token {new} times: draw anew at each step.",
    )
    if generator is not None:
        again = goes_on(verbs.call(submission.generate, model, prompt, new, 4, 1.0, generator=generator), prompt, new)[
            :, 1:
        ]
        holds(
            bool((again != result).any()),
            "A second call with the same generator drew the same tokens: the generator must go on, not start anew.",
        )


@given(seed=draw.seeds, temperature=st.sampled_from([0.8, 1.3]), top_p=st.sampled_from([None, 0.9]))
@example(seed=0, temperature=0.8, top_p=None)
def test_random_numbers_come_from_the_generator_alone(submission, seed, temperature, top_p):
    """Random numbers come from the generator that is given and from nowhere else: its seed decides everything."""
    vocab, new = 30, 12
    model, prompt = draw.stand_in(Table, draw.normal(seed, vocab, vocab)), draw.integers(seed, vocab, 3, 2)

    def drawn(world, own):
        torch.default_generator.manual_seed(world)
        before = torch.get_rng_state()
        result = verbs.call(
            submission.generate, model, prompt, new, 4, temperature, top_p=top_p, generator=draw.generator(own)
        )
        untouched = torch.equal(before, torch.get_rng_state())
        return goes_on(result, prompt, new), untouched

    first, untouched = drawn(seed, own=seed)
    second, _ = drawn(seed + 1, own=seed)
    holds(
        torch.equal(first, second),
        "The same generator, with the same seed, drew other tokens when PyTorch's global seed was another one: "
        "pass the generator on to whatever draws.",
    )
    holds(untouched, "A generator was given, but PyTorch's global random state changed.")
    other, _ = drawn(seed, own=seed + 1)
    holds(not torch.equal(first, other), "Generators with two different seeds drew the same tokens.")


@given(seed=draw.seeds)
def test_without_a_generator_the_global_seed_decides(submission, seed):
    """Without a generator, PyTorch's global seed decides what is drawn."""
    vocab, new = 30, 12
    model, prompt = draw.stand_in(Table, draw.normal(seed, vocab, vocab)), draw.integers(seed, vocab, 3, 2)

    def drawn(world):
        torch.default_generator.manual_seed(world)
        return goes_on(verbs.call(submission.generate, model, prompt, new, 4, 1.0), prompt, new)

    first = drawn(seed)
    holds(torch.equal(first, drawn(seed)), "After the same torch.manual_seed, other tokens were drawn.")
    holds(not torch.equal(first, drawn(seed + 1)), "Two different global seeds drew the same tokens.")


def counting(vocab):
    """A model after which token t is followed by t + 1, and the last one by 0."""
    return draw.stand_in(Table, 20 * torch.eye(vocab, dtype=torch.float64).roll(1, dims=1))


def counted(prompt, vocab, new, eos_id):
    """What `counting` generates: row by row, each padded with eos_id once it has generated it."""
    rows = []
    for start in prompt.tolist():
        row, last = list(start), start[-1]
        for _ in range(new):
            last = last if last == eos_id and len(row) > len(start) else (last + 1) % vocab
            row.append(last)
        rows.append(row)
    return torch.tensor(rows)


@st.composite
def endings(draw_, batch=(2, 4), ends_early=False):
    """A vocabulary, prompts whose last tokens differ, an eos_id, and how many tokens may be generated."""
    vocab = draw_(st.integers(5, 9))
    last = draw_(st.lists(st.integers(0, vocab - 1), min_size=batch[0], max_size=batch[1], unique=True))
    eos_id = draw_(st.integers(0, vocab - 1))
    slowest = max((eos_id - token - 1) % vocab + 1 for token in last)
    new = slowest + draw_(st.integers(1, 5)) if ends_early else draw_(st.integers(1, vocab))
    prompt = torch.tensor(last)[:, None].repeat(1, 2)
    prompt[:, 0] = eos_id if draw_(st.booleans()) else (eos_id + 1) % vocab
    return vocab, prompt, eos_id, new


ZERO_ENDS = (5, torch.tensor([[1, 1], [1, 3]]), 0, 4)
FIRST_ENDS = (6, torch.tensor([[0, 3], [0, 1]]), 4, 5)
LAST_ENDS = (6, torch.tensor([[0, 1], [0, 3]]), 4, 5)


@given(case=endings(), temperature=st.sampled_from([0.0, 0.5]))
@example(case=FIRST_ENDS, temperature=0.0)
@example(case=LAST_ENDS, temperature=0.0)
@example(case=ZERO_ENDS, temperature=0.0)
def test_a_row_that_has_ended_is_padded(submission, case, temperature):
    """A row that has generated eos_id is padded with it from there on, while the other rows go on."""
    vocab, prompt, eos_id, new = case
    result = verbs.call(
        submission.generate, counting(vocab), prompt, new, 3, temperature, eos_id=eos_id, generator=draw.generator(0)
    )
    result = goes_on(result, prompt, new, at_most=True)
    expected = counted(prompt, vocab, new, eos_id)
    reached = (expected[:, prompt.shape[1] :] == eos_id).long()
    full = [int(row.argmax()) + 1 if bool(row.any()) else new for row in reached]
    longest = prompt.shape[1] + max(full)
    holds(
        result.shape[1] >= longest,
        f"With eos_id {eos_id} and the prompts {prompt.tolist()}, rows generate {full} tokens until they end, but you "
        f"stopped after {result.shape[1] - prompt.shape[1]}. Go on until every row has ended.",
    )
    same(result[:, :longest], expected[:, :longest], AXES, f"with eos_id {eos_id}, the token")
    holds(
        bool((result[:, longest:] == expected[:, longest:][:, : result.shape[1] - longest]).all()),
        f"With eos_id {eos_id}, a row that had ended got other tokens later: {result.tolist()}.",
    )


@given(case=endings(batch=(1, 4), ends_early=True))
@example(case=(5, torch.tensor([[1, 2]]), 0, 4))
@example(case=FIRST_ENDS)
def test_generation_ends_once_every_row_has(submission, case):
    """Generation ends with the step in which the last row generates eos_id, which is part of the result."""
    vocab, prompt, eos_id, new = case
    result = goes_on(
        verbs.call(submission.generate, counting(vocab), prompt, new, 3, eos_id=eos_id), prompt, new, at_most=True
    )
    steps = max((eos_id - token - 1) % vocab + 1 for token in prompt[:, -1].tolist())
    holds(
        result.shape[1] == prompt.shape[1] + steps,
        f"With eos_id {eos_id}, the last row generates it at step {steps} of {new}. So there should be {steps} new "
        f"tokens, but there are {result.shape[1] - prompt.shape[1]}.",
    )


@given(vocab=st.integers(4, 9), seed=draw.seeds, batch=st.integers(1, 3))
@example(vocab=4, seed=0, batch=1)
def test_an_eos_in_the_prompt_ends_nothing(submission, vocab, seed, batch):
    """An eos_id that stands in the prompt, even at its end, ends nothing: only a generated one does."""
    prompt = draw.integers(seed, vocab, batch, 3)
    eos_id, new = int(prompt[0, -1]), vocab - 1  # row 0 would generate it again with token number `vocab`
    result = goes_on(
        verbs.call(submission.generate, counting(vocab), prompt, new, 3, eos_id=eos_id), prompt, new, at_most=True
    )
    holds(
        result.shape[1] == prompt.shape[1] + new,
        f"The prompts {prompt.tolist()} hold eos_id {eos_id}, and generation stopped after "
        f"{result.shape[1] - prompt.shape[1]} of {new} tokens, before row 0 had generated it.",
    )
    same(result, counted(prompt, vocab, new, eos_id), AXES, f"with eos_id {eos_id} in the prompt, the token")


@given(vocab=st.integers(2, 5), seed=draw.seeds)
def test_without_an_eos_all_tokens_are_generated(submission, vocab, seed):
    """Without an eos_id nothing ends early, and every token may follow."""
    prompt, new = draw.integers(seed, vocab, 2, 2), 2 * vocab
    result = goes_on(verbs.call(submission.generate, counting(vocab), prompt, new, 3), prompt, new)
    same(result, counted(prompt, vocab, new, None), AXES, "without an eos_id, the token")


def probe(submission):
    """Calls that tell the misconceptions apart. What is drawn is told in a way that no choice of sampler changes."""
    logits, square = logits_of(Sizes(batch=3, vocab=6), 1, scale=1.0), logits_of(SQUARE, 2)
    hidden = logits.masked_fill(draw.normal(3, 3, 6) > 0.5, -torch.inf)
    vocab, new = 7, 12
    even, prompt = Table(torch.zeros(vocab, vocab)), torch.zeros(3, 1, dtype=torch.int64)
    uneven = Table(draw.normal(5, vocab, vocab))

    def probabilities(x, *options, **named):
        return lambda: submission.next_token_probabilities(x.clone(), *options, **named)

    def refused(function, *arguments, **named):
        """Whether these options are refused, with a message that names the last of them."""

        def outcome():
            try:
                function(*arguments, **named)
            except ValueError as error:
                return str(list(named.values())[-1]) in str(error)
            return "accepted"

        return outcome

    def left_alone():
        given = logits.clone()
        submission.next_token_probabilities(given, 0.5, 2, 0.5)
        return torch.equal(given, logits)

    def of_equals(*options):
        """What equal logits get at temperature 0, the least first: which of them gets more is free."""
        return submission.next_token_probabilities(torch.zeros(2, 3), 0.0, *options).double().sort(dim=-1).values

    def gradients_stay_off():
        try:
            with torch.no_grad():
                submission.generate(even, prompt, 2, 4)
                return not torch.is_grad_enabled()
        finally:
            torch.set_grad_enabled(True)

    def text(vocab, prompt, eos_id, new, *options, **named):
        return lambda: submission.generate(counting(vocab), prompt, new, 3, *options, eos_id=eos_id, **named)

    def read(training=False, context_size=3):
        model = Reader(5, 4, 6).train(training)
        result = submission.generate(model, draw.integers(7, 5, 2, 6), 4, context_size)
        return [result, model.saw, model.had_gradients]

    def mode(training, error_at):
        def outcome():
            model = Breaking(4, error_at).train(training)
            try:
                submission.generate(model, prompt, 3, 4)
            except RuntimeError:
                return [model.training, torch.is_grad_enabled()]
            finally:
                torch.set_grad_enabled(True)
            return ["no error", model.training]

        return outcome

    def drawn(model, seed, world=0, *options, **named):
        torch.default_generator.manual_seed(world)
        return submission.generate(model, prompt, new, 4, *(options or (1.0,)), generator=draw.generator(seed), **named)

    def variety():
        result = drawn(even, 1)[:, 1:]
        return [bool((result != result[:1]).any()), bool((result != result[:, :1]).any())]

    def sources():
        first = drawn(even, 1)
        torch.default_generator.manual_seed(9)
        before, generator = torch.get_rng_state(), draw.generator(1)
        calls = [submission.generate(even, prompt, new, 4, 1.0, generator=generator) for _ in range(2)]
        untouched = torch.equal(before, torch.get_rng_state())
        others = (drawn(even, 1, world=5), drawn(even, 2), calls[1])
        return [untouched, *(torch.equal(first, other) for other in others)]

    def options_matter():
        greedy = drawn(uneven, 1, 0, 0.0)
        others = (((1e-6,), {}), ((1.0,), {}), ((1.0,), {"top_k": 1}), ((1.0,), {"top_p": 1e-6}))
        return [torch.equal(greedy, drawn(uneven, 1, 0, *some, **named)) for some, named in others]

    function, generate = submission.next_token_probabilities, submission.generate
    return [
        *(probabilities(logits, *options) for options in [(), (0.5,), (3.0,), (0,), (1.0, 2), (1.0, 50), (0.7, 1)]),
        *(probabilities(x, 1.0, None, p) for x in (logits, square) for p in (1e-6, 0.4, 0.6, 0.8, 0.95, 1.0)),
        *(probabilities(x, 3.0, k, p) for x in (logits, square) for k in (2, 3, 4) for p in (None, 0.5, 0.7, 0.9)),
        probabilities(hidden),
        probabilities(hidden, 1.0, 5),
        probabilities(hidden, 1.0, None, 1.0),
        probabilities(1e4 * logits, 0.01),
        *(refused(function, logits, **named) for named in REFUSED),
        *(refused(function, logits, temperature=0.0, **named) for named in REFUSED if "temperature" not in named),
        *(refused(generate, even, prompt, 2, 4, **named) for named in REFUSED),
        left_alone,
        of_equals,
        lambda: of_equals(2),
        gradients_stay_off,
        read,
        lambda: read(training=True),
        *(mode(training, error_at) for training in (True, False) for error_at in (1, 9)),
        *(text(*case) for case in (FIRST_ENDS, LAST_ENDS, ZERO_ENDS)),
        text(5, torch.tensor([[1, 2]]), 4, 4),
        text(5, torch.tensor([[1, 4], [0, 3]]), 4, 4),
        text(5, torch.tensor([[4, 1], [0, 4]]), 4, 4),
        text(5, torch.tensor([[1, 2]]), None, 7),
        text(*FIRST_ENDS, 0.3),
        variety,
        sources,
        options_matter,
    ]
