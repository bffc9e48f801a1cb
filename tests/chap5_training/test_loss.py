"""The laws of the loss: cross-entropy, perplexity, and a model's loss on batches."""

import math

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from kata.laws import draw, oracles, verbs
from kata.laws.checks import describe, holds, refuses, same, tensor
from kata.laws.draw import Sizes

# The leading dimensions of logits and targets: none, (tokens,), (batch, tokens), and more.
SHAPES = st.lists(st.integers(1, 5), max_size=3, unique=True).map(tuple)
VOCABS = st.integers(2, 8)
SIZES = draw.sizes(batch=(1, 4), tokens=(1, 6), vocab=(2, 8))
SEVERAL = draw.sizes(batch=(2, 4), tokens=(2, 6), vocab=(2, 8))
ALL_EQUAL = Sizes(batch=3, tokens=3, vocab=3)
ONE_TOKEN = Sizes(batch=1, tokens=1, vocab=2)
AWAY = "cpu:0"
"""A device on which everything can be computed, and which is told from "cpu"."""
ROUNDING = 1e-5
"""By how much the mean of a loader may be off: losses of a few nats may well be collected in float32."""


def logits_of(shape, vocab, seed):
    """Logits (*shape, vocab) in float64."""
    return 2 * draw.normal(seed, *shape, vocab)


def targets_of(shape, vocab, seed):
    """Targets of a shape, int64."""
    return draw.integers(seed + 1, vocab, *shape)


def surprises(logits, targets):
    """Minus the log-probability of each target, one position after the other, as floats."""
    found = []
    for row, target in zip(logits.reshape(-1, logits.shape[-1]).tolist(), targets.flatten().tolist(), strict=True):
        top = max(row)
        found.append(top + math.log(math.fsum(math.exp(logit - top) for logit in row)) - row[target])
    return found


def mean_surprise(logits, targets):
    """What the loss should be, a float64 scalar."""
    found = surprises(logits, targets)
    return torch.tensor(math.fsum(found) / len(found), dtype=torch.float64)


def keeps_its_mode(model, training, function):
    """A function has left a model in the mode in which it was given it."""
    names = {True: "training mode", False: "eval mode"}
    holds(
        model.training == training,
        f"{function} was given a model in {names[training]}, and left it in {names[model.training]}. The mode is the "
        "caller's: leave it, or put it back.",
    )


def expected_slope(logits, targets):
    """The gradient of the loss: the softmax, minus one at the target, over the number of positions."""
    rows = [oracles.softmax_row(row) for row in logits.reshape(-1, logits.shape[-1]).tolist()]
    for row, target in zip(rows, targets.flatten().tolist(), strict=True):
        row[target] -= 1.0
    return torch.tensor(rows, dtype=logits.dtype).reshape(logits.shape) / len(rows)


def ready_made(submission, logits, targets):
    """The names of PyTorch's own losses that cross_entropy calls."""
    called = set()

    class Names(TorchFunctionMode):
        # With probabilities as targets PyTorch's own runs no operator that a card could name.
        def __torch_function__(self, func, types, args=(), kwargs=None):
            called.add(getattr(func, "__name__", ""))
            return func(*args, **(kwargs or {}))

    with Names():
        verbs.call(submission.cross_entropy, logits, targets)
    return sorted(name for name in called if "cross_entropy" in name or "nll_loss" in name)


def loss_of(submission, logits, targets, what="the loss"):
    """The cross-entropy of float64 logits: a scalar, finite."""
    return tensor(verbs.call(submission.cross_entropy, logits, targets), {}, torch.float64, what)


def positive_loss(submission, logits, targets, what="the loss"):
    """The cross-entropy of a forecast that is not certain, which no constant zero can be."""
    loss = loss_of(submission, logits, targets, what)
    holds(
        loss.item() > 0,
        f"{what[:1].upper()}{what[1:]} is {loss.item():.6g}. No forecast is certain here, so it should be greater "
        "than 0.",
    )
    return loss


class Bigrams(nn.Embedding):
    """A model with one row of logits for each token, which notes what it is given and whether it builds a graph."""

    def __init__(self, vocab):
        super().__init__(vocab, vocab)
        self.given, self.graphs = [], []

    def forward(self, ids):
        """Logits (batch, tokens, vocab)."""
        self.given.append(ids)
        logits = super().forward(ids)
        self.graphs.append(logits.requires_grad)
        return logits

    def right_loss(self, inputs, targets):
        """What the loss on a batch should be."""
        return mean_surprise(self.weight.detach()[inputs], targets)


def model_of(vocab, seed):
    """A bigram model with random logits, in float64."""
    return verbs.module(Bigrams, vocab, seed=seed)


def batch_of(size, seed):
    """Inputs and targets (batch, tokens): the same ids, targets one further on."""
    ids = draw.integers(seed + 3, size.vocab, size.batch, size.tokens + 1)
    return ids[:, :-1].clone(), ids[:, 1:].clone()


class Loader:
    """Batches, one after the other, as a DataLoader yields them. It notes how many were taken."""

    def __init__(self, batches):
        self.batches, self.taken = batches, 0

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        for inputs, targets in self.batches:
            self.taken += 1
            yield [inputs, targets]


def loader_of(size, seed, count):
    """A loader of `count` batches, of which the last holds fewer sequences, if there can be fewer."""
    batches = [batch_of(size, seed + 10 * index) for index in range(count)]
    if count:
        inputs, targets = batches[-1]
        batches[-1] = (inputs[: (size.batch + 1) // 2], targets[: (size.batch + 1) // 2])
    return draw.stand_in(Loader, batches)


def loader_loss(submission, loader, model, *more, **named):
    """A loader's loss, which is a finite float."""
    found = verbs.call(submission.calc_loss_loader, loader, model, "cpu", *more, **named)
    holds(isinstance(found, float), f"The loss on a loader should be a float, but you returned {describe(found)}.")
    holds(math.isfinite(found), f"The loss on a loader should be a finite number, but you returned {found}.")
    return found


def right_losses(loader, model):
    """What the loss of each batch of a loader should be, as floats."""
    return [model.right_loss(inputs, targets).item() for inputs, targets in loader.batches]


def elsewhere(ids, name, moved, met):
    """Ids that seem to lie on another device until they are moved to the device `AWAY`.

    `moved` notes the names of those that were, and `met` of those that met what is on that device without being moved.
    """

    class Elsewhere(Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            with torch._C.DisableTorchFunctionSubclass():
                if AWAY in map(_device, [*args[1:], *kwargs.values()]):
                    moved.add(name)
                    return args[0].as_subclass(Tensor)
                if any(type(one) in (Tensor, nn.Parameter) and one.is_floating_point() for one in args):
                    met.add(name)
                result = func(*args, **kwargs)
                return result.as_subclass(cls) if isinstance(result, Tensor) else result

    return ids.as_subclass(Elsewhere)


def _device(value):
    return str(value) if isinstance(value, torch.device | str) else None


@given(shape=SHAPES, vocab=VOCABS, seed=draw.seeds)
@example(shape=(), vocab=3, seed=0)
@example(shape=(1, 1), vocab=2, seed=0)
@example(shape=(3, 3), vocab=3, seed=0)
def test_cross_entropy_takes_any_number_of_leading_dimensions(submission, shape, vocab, seed):
    """The loss is one number, a scalar, however many dimensions stand before the vocabulary: none, one, or more."""
    what = f"the loss of logits of shape {(*shape, vocab)}"
    positive_loss(submission, logits_of(shape, vocab, seed), targets_of(shape, vocab, seed), what)


@given(shape=SHAPES, vocab=VOCABS, seed=draw.seeds)
@example(shape=(3, 3), vocab=3, seed=0)
@example(shape=(2, 4), vocab=4, seed=0)
@example(shape=(), vocab=3, seed=0)
def test_cross_entropy_is_the_mean_of_minus_log_probabilities(submission, shape, vocab, seed):
    """The loss is the mean, over all positions, of minus the log of the target's probability."""
    logits, targets = logits_of(shape, vocab, seed), targets_of(shape, vocab, seed)
    what = f"the loss of logits of shape {(*shape, vocab)}"
    same(verbs.call(submission.cross_entropy, logits, targets), mean_surprise(logits, targets), (), what)


@given(shape=SHAPES, vocab=VOCABS, height=st.floats(-50, 50), seed=draw.seeds)
@example(shape=(2, 3), vocab=8, height=0.0, seed=0)
def test_cross_entropy_of_a_forecast_that_knows_nothing_is_ln_vocab(submission, shape, vocab, height, seed):
    """Where all logits are equal, the loss is ln(vocab), whatever the targets."""
    logits = torch.full((*shape, vocab), height, dtype=torch.float64)
    loss = loss_of(submission, logits, targets_of(shape, vocab, seed)).item()
    holds(
        abs(loss - math.log(vocab)) <= 1e-9,
        f"With {vocab} equal logits, each token has probability 1/{vocab}, so the loss should be ln({vocab}) = "
        f"{math.log(vocab):.6g} at every position and in the mean. You returned {loss:.6g}.",
    )


@given(shape=SHAPES, vocab=VOCABS, seed=draw.seeds)
@example(shape=(2,), vocab=3, seed=0)
def test_cross_entropy_does_not_change_when_a_row_is_shifted(submission, shape, vocab, seed):
    """Adding a number of its own to each row of logits, up to 1e4 either way, changes nothing."""
    logits, targets = logits_of(shape, vocab, seed), targets_of(shape, vocab, seed)
    shifts = 1e4 * (draw.integers(seed + 2, 3, *shape, 1).double() - 1)
    what = "the loss after a number was added to each row of logits"
    shifted = verbs.call(submission.cross_entropy, logits + shifts, targets)
    same(shifted, positive_loss(submission, logits, targets).detach(), (), what)


@given(shape=SHAPES, vocab=VOCABS, seed=draw.seeds, dtype=st.sampled_from([torch.float64, torch.float32]))
@example(shape=(2, 3), vocab=5, seed=0, dtype=torch.float32)
@example(shape=(2, 3), vocab=5, seed=1, dtype=torch.float64)
def test_cross_entropy_stays_finite_for_huge_logits(submission, shape, vocab, seed, dtype):
    """Logits of up to 1e4 either way give a finite and right loss, be the target the likeliest token or the last."""
    heights = 1e4 * (draw.integers(seed + 2, 3, *shape, vocab).double() - 1)
    logits, targets = (logits_of(shape, vocab, seed) + heights).to(dtype), targets_of(shape, vocab, seed)
    expected = mean_surprise(logits, targets)
    loss = tensor(verbs.call(submission.cross_entropy, logits, targets), {}, what="the loss").double()
    # One step of float32 at 1e4 is 0.001: whoever takes the log of the sum at that height is right up to this.
    tolerance = 1e-9 if dtype == torch.float64 else 4e-3
    what = f"the loss of logits between {logits.min():.6g} and {logits.max():.6g}, in {str(dtype)[6:]},"
    same(loss, expected, (), what, tolerance)


@given(vocab=VOCABS, seed=draw.seeds, margin=st.floats(30, 1e4))
@example(vocab=2, seed=0, margin=1e4)
def test_cross_entropy_costs_nothing_for_the_right_and_the_margin_for_the_wrong(submission, vocab, seed, margin):
    """A forecast that is sure costs nothing where it is right, and the margin between the logits where it is wrong."""
    right = targets_of((4,), vocab, seed)
    logits = torch.zeros(4, vocab, dtype=torch.float64)
    logits[torch.arange(4), right] = margin
    sure = loss_of(submission, logits, right, "the loss of a forecast that is right").item()
    holds(
        abs(sure) <= 1e-9,
        f"Each target's logit is {margin:.6g} above all others, so the loss should be 0, but you returned {sure:.6g}.",
    )
    wrong = loss_of(submission, logits, (right + 1) % vocab, "the loss of a forecast that is wrong").item()
    holds(
        abs(wrong - margin) <= 1e-9 * margin,
        f"Each target's logit is {margin:.6g} below the highest one, so the loss should be {margin:.6g}, but you "
        f"returned {wrong:.6g}.",
    )


@given(shape=SHAPES, vocab=VOCABS, seed=draw.seeds, larger=st.sampled_from([1.0, 1e3]))
@example(shape=(2, 3), vocab=4, seed=0, larger=1.0)
@example(shape=(), vocab=2, seed=0, larger=1.0)
def test_cross_entropy_has_softmax_minus_one_hot_as_its_gradient(submission, shape, vocab, seed, larger):
    """The gradient at each position is the softmax of the logits, minus one at the target, over all positions."""
    leaf = (larger * logits_of(shape, vocab, seed)).requires_grad_()
    targets = targets_of(shape, vocab, seed)
    loss = loss_of(submission, leaf, targets)
    holds(loss.requires_grad, "No gradient flows back to the logits. Do not use .detach(), .item() or no_grad here.")
    (slope,) = torch.autograd.grad(loss, leaf)
    slope, expected = (each.reshape(-1, vocab) for each in (slope, expected_slope(leaf.detach(), targets)))
    same(slope, expected, ("position", "token"), f"the gradient of logits of shape {(*shape, vocab)}")


@given(tokens=st.integers(2, 5), vocab=VOCABS, seed=draw.seeds)
@example(tokens=2, vocab=3, seed=0)
def test_cross_entropy_counts_every_position_alike(submission, tokens, vocab, seed):
    """The loss over several positions is the mean of the losses that each has alone."""
    logits, targets = logits_of((tokens,), vocab, seed), targets_of((tokens,), vocab, seed)
    alone = [loss_of(submission, logits[t : t + 1], targets[t : t + 1]).item() for t in range(tokens)]
    together = positive_loss(submission, logits, targets).item()
    holds(
        abs(together - sum(alone) / tokens) <= 1e-9,
        f"The positions have the losses {', '.join(f'{loss:.6g}' for loss in alone)} alone, whose mean is "
        f"{sum(alone) / tokens:.6g}, but together you return {together:.6g}.",
    )


@given(shape=SHAPES, vocab=VOCABS, seed=draw.seeds)
@example(shape=(2, 3), vocab=4, seed=0)
def test_cross_entropy_favours_no_token(submission, shape, vocab, seed):
    """Numbering the tokens of the vocabulary another way, in logits and targets, changes nothing."""
    logits, targets = logits_of(shape, vocab, seed), targets_of(shape, vocab, seed)
    order = torch.randperm(vocab, generator=draw.generator(seed))
    renumbered = verbs.call(submission.cross_entropy, logits[..., order], order.argsort()[targets])
    same(renumbered, positive_loss(submission, logits, targets), (), "the loss with the tokens numbered another way")


@given(size=SEVERAL, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_cross_entropy_takes_slices_and_transposes(submission, size, seed):
    """Logits and targets may be slices or transposes of other tensors, which lie in memory in another order."""
    logits = logits_of((size.vocab, size.tokens), size.batch, seed).permute(2, 1, 0)  # (batch, tokens, vocab)
    targets = draw.integers(seed + 1, size.vocab, size.batch, size.tokens + 1)[:, 1:]
    what = "the loss of a transpose of logits and a slice of targets"
    same(verbs.call(submission.cross_entropy, logits, targets), mean_surprise(logits, targets), (), what)


@given(shape=SHAPES, vocab=VOCABS, seed=draw.seeds)
def test_cross_entropy_takes_float32(submission, shape, vocab, seed):
    """Logits in float32, the dtype of most training, give the same loss up to rounding."""
    logits, targets = logits_of(shape, vocab, seed).float(), targets_of(shape, vocab, seed)
    loss = tensor(verbs.call(submission.cross_entropy, logits, targets), {}, what="the loss of float32 logits")
    same(loss.double(), mean_surprise(logits, targets), (), "the loss of float32 logits", tolerance=1e-4)


@given(shape=SHAPES, vocab=VOCABS, seed=draw.seeds)
@example(shape=(2, 3), vocab=4, seed=0)
def test_cross_entropy_is_written_by_hand(submission, shape, vocab, seed):
    """The cross-entropy is written by hand: none of PyTorch's own runs, whatever it is called."""
    logits, targets = logits_of(shape, vocab, seed), targets_of(shape, vocab, seed)
    ready = ready_made(submission, logits, targets)
    positive_loss(submission, logits, targets)
    holds(
        not ready,
        f"Your cross_entropy calls PyTorch's own {' and '.join(ready)}, which is what this exercise asks you to write.",
    )


@given(loss=st.floats(0, 12), tokens=st.integers(2, 60_000))
def test_perplexity_is_e_to_the_loss(submission, loss, tokens):
    """The perplexity is e to the power of the loss: ln(n), the loss of n equally likely tokens, gives n."""
    for given_loss, expected, why in (
        (loss, math.exp(loss), f"e to the power of {loss:.6g}"),
        (math.log(tokens), float(tokens), f"ln({tokens}) is the loss of {tokens} equally likely tokens"),
    ):
        found = verbs.call(submission.perplexity, given_loss)
        holds(isinstance(found, float), f"The perplexity of a float should be a float, but is {describe(found)}.")
        holds(
            math.isclose(found, expected, rel_tol=1e-9),
            f"The perplexity of a loss of {given_loss:.6g} should be {expected:.9g}: {why}. You returned {found:.9g}.",
        )


@given(loss=st.floats(0, 12), dtype=st.sampled_from([torch.float64, torch.float32]))
@example(loss=0.0, dtype=torch.float64)
def test_perplexity_is_of_the_kind_it_was_given(submission, loss, dtype):
    """A float gives a float, and a scalar tensor gives a scalar tensor of the same dtype."""
    of_float = verbs.call(submission.perplexity, loss)
    holds(isinstance(of_float, float), f"The perplexity of a float should be a float, but is {describe(of_float)}.")
    given_loss = torch.tensor(loss, dtype=dtype)
    what = f"the perplexity of a tensor {loss:.6g} in {str(dtype)[6:]}"
    same(verbs.call(submission.perplexity, given_loss), given_loss.double().exp().to(dtype), (), what)


@given(size=SIZES, seed=draw.seeds)
@example(size=ONE_TOKEN, seed=0)
@example(size=ALL_EQUAL, seed=0)
def test_a_batch_loss_is_the_cross_entropy_of_the_models_logits(submission, size, seed):
    """The loss on a batch is the cross-entropy between the model's logits and the targets, over all tokens."""
    model, (inputs, targets) = model_of(size.vocab, seed), batch_of(size, seed)
    loss = verbs.call(submission.calc_loss_batch, inputs, targets, model, "cpu")
    same(loss, model.right_loss(inputs, targets), (), "the loss on the batch")


@given(size=SEVERAL, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_a_batch_loss_is_the_mean_over_its_sequences(submission, size, seed):
    """The loss on a batch is the mean of the losses that each of its sequences has alone."""
    model, (inputs, targets) = model_of(size.vocab, seed), batch_of(size, seed)

    def loss_on(rows):
        loss = verbs.call(submission.calc_loss_batch, inputs[rows], targets[rows], model, torch.device("cpu"))
        return tensor(loss, {}, torch.float64, "the loss on a batch").item()

    alone = [loss_on(slice(row, row + 1)) for row in range(size.batch)]
    together, mean = loss_on(slice(None)), sum(alone) / size.batch
    holds(
        abs(together - mean) <= 1e-9,
        f"The {size.batch} sequences have the losses {', '.join(f'{loss:.6g}' for loss in alone)} alone, whose mean is "
        f"{mean:.6g}, but the loss on the batch is {together:.6g}.",
    )


@given(size=SEVERAL, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_a_batch_loss_depends_on_every_target(submission, size, seed):
    """Every target of a batch counts, each against the logits of its own position."""
    model, (inputs, targets) = model_of(size.vocab, seed), batch_of(size, seed)
    before = verbs.call(submission.calc_loss_batch, inputs, targets, model, "cpu")
    tensor(before, {}, torch.float64, "the loss on the batch")
    for sequence in range(size.batch):
        for token in range(size.tokens):
            others = targets.clone()
            others[sequence, token] = (others[sequence, token] + 1) % size.vocab
            row = model.weight.detach()[inputs[sequence, token]]
            change = (row[targets[sequence, token]] - row[others[sequence, token]]).item() / targets.numel()
            found = (verbs.call(submission.calc_loss_batch, inputs, others, model, "cpu") - before).item()
            holds(
                abs(found - change) <= 1e-9,
                f"With another target for token {token} of sequence {sequence}, the loss should change by {change:.6g},"
                f" but it changes by {found:.6g}.",
            )


@given(size=SIZES, seed=draw.seeds)
@example(size=ALL_EQUAL, seed=0)
def test_a_batch_loss_gives_the_model_its_batch_as_it_is(submission, size, seed):
    """The model is given the ids as they are: sequences of tokens, each sequence of the batch once."""
    model, (inputs, targets) = model_of(size.vocab, seed), batch_of(size, seed)
    verbs.call(submission.calc_loss_batch, inputs, targets, model, "cpu")
    for ids in model.given:
        holds(
            ids.dim() == 2,
            f"The model was given ids of shape {tuple(ids.shape)}. It takes (batch, tokens), as a loader yields them: "
            "how a token's position counts, and what it may see, depends on where its sequence begins.",
        )
    same(torch.cat(model.given), inputs, ("sequence", "token"), "what the model was given")


@given(size=SIZES, seed=draw.seeds, training=st.booleans())
@example(size=ALL_EQUAL, seed=0, training=True)
@example(size=ALL_EQUAL, seed=0, training=False)
def test_a_batch_loss_teaches_the_model(submission, size, seed, training):
    """The loss on a batch carries a gradient to the model; its mode, and steps, are left to the caller."""
    model, (inputs, targets) = model_of(size.vocab, seed).train(training), batch_of(size, seed)
    kept = draw.normal(seed + 5, size.vocab, size.vocab)
    model.weight.grad = kept.clone()
    loss = tensor(verbs.call(submission.calc_loss_batch, inputs, targets, model, "cpu"), {}, torch.float64, "the loss")
    holds(
        model.weight.grad is not None and torch.equal(model.weight.grad, kept),
        "calc_loss_batch changed the gradients of the model. Leave backward() and zero_grad() to the training loop.",
    )
    keeps_its_mode(model, training, "calc_loss_batch")
    holds(loss.requires_grad, "No gradient flows back to the model. Do not use .detach(), .item() or no_grad here.")
    (slope,) = torch.autograd.grad(loss, model.weight)
    at_positions = expected_slope(model.weight.detach()[inputs], targets).reshape(-1, size.vocab)
    expected = torch.zeros_like(kept).index_add(0, inputs.flatten(), at_positions)
    same(slope, expected, ("input token", "next token"), "the gradient of the model's logits")


@given(size=SIZES, seed=draw.seeds, device=st.sampled_from([AWAY, torch.device(AWAY)]))
@example(size=ALL_EQUAL, seed=0, device=AWAY)
def test_a_batch_moves_to_the_device(submission, size, seed, device):
    """Inputs and targets of a batch are both moved to the device, for one batch and for those of a loader."""
    model, (inputs, targets) = model_of(size.vocab, seed), batch_of(size, seed)
    for function, called in (("calc_loss_batch", 1), ("calc_loss_loader", 2)):
        moved, met = set(), set()
        batches = [
            [elsewhere(ids, (part, index), moved, met) for part, ids in (("inputs", inputs), ("targets", targets))]
            for index in range(called)
        ]
        if called == 1:
            verbs.call(submission.calc_loss_batch, *batches[0], model, device)
        else:
            verbs.call(submission.calc_loss_loader, draw.stand_in(Loader, batches), model, device)
        for part in ("inputs", "targets"):
            count = sum(name == part for name, _ in moved)
            holds(
                count == called,
                f"{function} moved the {part} of {count} of {called} batches to the device. A batch comes from memory, "
                "and the model may be elsewhere: inputs and targets must both go where it is.",
            )
            holds(
                not any(name == part for name, _ in met),
                f"{function} calls .to(device) on the {part}, but goes on with those that were not moved: a tensor "
                "stays where it is, and .to() returns another one.",
            )


@given(size=SIZES, seed=draw.seeds, count=st.integers(1, 4))
@example(size=Sizes(batch=4, tokens=3, vocab=5), seed=0, count=2)
def test_a_loader_loss_is_the_mean_of_its_batch_losses(submission, size, seed, count):
    """The loss on a loader is the mean of its batch losses, a float; a short last batch counts as much as any other."""
    model, loader = model_of(size.vocab, seed), loader_of(size, seed, count)
    losses = right_losses(loader, model)
    for again in ("", ", measured a second time,"):
        found = loader_loss(submission, loader, model)
        holds(
            abs(found - sum(losses) / count) <= ROUNDING,
            f"The batches have the losses {', '.join(f'{loss:.6g}' for loss in losses)}, so the loss on the loader"
            f"{again} should be {sum(losses) / count:.6g}, but you returned {found:.6g}.",
        )


@given(size=SIZES, seed=draw.seeds, count=st.integers(1, 4), asked=st.none() | st.integers(1, 6))
@example(size=Sizes(batch=2, tokens=3, vocab=5), seed=0, count=3, asked=2)
@example(size=Sizes(batch=2, tokens=3, vocab=5), seed=0, count=3, asked=3)
@example(size=Sizes(batch=2, tokens=3, vocab=5), seed=0, count=3, asked=5)
@example(size=Sizes(batch=2, tokens=3, vocab=5), seed=0, count=3, asked=None)
@example(size=Sizes(batch=2, tokens=3, vocab=5), seed=0, count=3, asked=1)
def test_a_loader_loss_covers_the_first_num_batches(submission, size, seed, count, asked):
    """Only the first num_batches batches count: all of them if it is None, or more than there are."""
    model, loader = model_of(size.vocab, seed), loader_of(size, seed, count)
    losses = right_losses(loader, model)
    used = losses[:asked]
    found = loader_loss(submission, loader, model, num_batches=asked)
    holds(
        abs(found - sum(used) / len(used)) <= ROUNDING,
        f"The batches have the losses {', '.join(f'{loss:.6g}' for loss in losses)}. With num_batches={asked} the "
        f"result should be the mean of the first {len(used)}, {sum(used) / len(used):.6g}, but you returned "
        f"{found:.6g}.",
    )


@given(size=SIZES, seed=draw.seeds, count=st.integers(3, 6), asked=st.integers(1, 2))
@example(size=Sizes(batch=2, tokens=3, vocab=5), seed=0, count=5, asked=2)
def test_a_loader_loss_computes_no_more_than_asked_for(submission, size, seed, count, asked):
    """The model computes num_batches batches and no more, and the loader is not read to its end."""
    model, loader = model_of(size.vocab, seed), loader_of(size, seed, count)
    loader_loss(submission, loader, model, asked)
    sequences, enough = sum(len(ids) for ids in model.given), asked * size.batch
    holds(
        sequences == enough,
        f"With num_batches={asked} and {size.batch} sequences in a batch the model should be given {enough} sequences, "
        f"but it was given {sequences}.",
    )
    # One more may be taken: a loop that counts, and breaks, notices only then.
    holds(
        loader.taken <= asked + 1,
        f"With num_batches={asked}, {loader.taken} of {count} batches were taken from the loader. Stop after {asked}: "
        "num_batches is there to save the time that the others would take.",
    )


@given(size=SIZES, seed=draw.seeds, asked=st.none() | st.integers(1, 3))
@example(size=ONE_TOKEN, seed=0, asked=None)
def test_an_empty_loader_is_refused(submission, size, seed, asked):
    """An empty loader is refused, by a ValueError: there is no loss to take the mean of. Gradients stay on."""
    model = model_of(size.vocab, seed)
    try:
        refuses(
            lambda: verbs.call(submission.calc_loss_loader, draw.stand_in(Loader, []), model, "cpu", asked),
            f"a loader without batches, with num_batches={asked},",
        )
        on = torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)
    holds(
        on,
        "After an empty loader was refused, gradients are switched off: nothing can be trained. A `with` block "
        "switches them on again, also after an error.",
    )


@given(size=SIZES, seed=draw.seeds, count=st.integers(1, 3), training=st.booleans())
@example(size=ONE_TOKEN, seed=0, count=2, training=True)
@example(size=ONE_TOKEN, seed=0, count=2, training=False)
def test_a_loader_loss_builds_no_graph(submission, size, seed, count, training):
    """Measuring builds no graph, leaves gradients and mode as they are, and training goes on afterwards as before."""
    model, loader = model_of(size.vocab, seed).train(training), loader_of(size, seed, count)
    kept = draw.normal(seed + 5, size.vocab, size.vocab)
    model.weight.grad = kept.clone()
    try:
        loader_loss(submission, loader, model)
        on = torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        with torch.no_grad():
            loader_loss(submission, loader, model)
            off = not torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)
    holds(len(model.graphs) > 0, "The model was never called, so no loss can have been measured.")
    holds(
        not any(model.graphs),
        "The model built a graph for the backward pass while its loss was only measured: that costs memory, and time.",
    )
    holds(on and model.weight.requires_grad, "After the call gradients are still switched off: nothing can be trained.")
    holds(
        off,
        "Called where gradients were switched off already, it switched them on: leave that as you found it. A `with` "
        "block does so by itself.",
    )
    holds(
        model.weight.grad is not None and torch.equal(model.weight.grad, kept),
        "calc_loss_loader changed the gradients of the model.",
    )
    keeps_its_mode(model, training, "calc_loss_loader")


def probe(submission):
    """Calls that tell the misconceptions apart, function by function."""
    size = Sizes(batch=2, tokens=3, vocab=5)
    square = (3, 3)

    def cross_entropy(shape, vocab, larger=1.0, dtype=torch.float64):
        logits = (larger * logits_of(shape, vocab, 1)).to(dtype)
        return submission.cross_entropy(logits, targets_of(shape, vocab, 1)).double()

    def slopes(shape, vocab):
        leaf = logits_of(shape, vocab, 2).requires_grad_()
        submission.cross_entropy(leaf, targets_of(shape, vocab, 2)).backward()
        return leaf.grad

    def sure(margin):
        return submission.cross_entropy(torch.tensor([[margin, 0.0]], dtype=torch.float64), torch.tensor([0]))

    def logits_afterwards():
        logits = logits_of((2,), 3, 1)
        submission.cross_entropy(logits, targets_of((2,), 3, 1))
        return logits

    def batch_loss():
        model = model_of(size.vocab, 4)
        loss = submission.calc_loss_batch(*batch_of(size, 4), model, "cpu")
        return model, loss

    def batch_slopes():
        model, loss = batch_loss()
        model.zero_grad()
        loss.backward()
        return model.weight.grad

    def moved(function):
        names, met = set(), set()
        batch = [elsewhere(ids, name, names, met) for ids, name in zip(batch_of(size, 4), "it", strict=True)]
        function(batch, model_of(size.vocab, 4))
        return [sorted(names), sorted(met)]

    def loader_of_three(model, *more):
        try:
            return submission.calc_loss_loader(loader_of(size, 4, 3), model, "cpu", *more)
        finally:
            torch.set_grad_enabled(True)

    def gradients_stay_off():
        with torch.no_grad():
            submission.calc_loss_loader(loader_of(size, 4, 1), model_of(size.vocab, 4), "cpu")
            return not torch.is_grad_enabled()

    def taken(asked):
        loader, model = loader_of(size, 4, 4), model_of(size.vocab, 4)
        submission.calc_loss_loader(loader, model, "cpu", asked)
        return [loader.taken <= asked + 1, sum(len(ids) for ids in model.given)]

    def graphs():
        model = model_of(size.vocab, 4)
        loader_of_three(model)
        return any(model.graphs)

    def mode_after(function, *batch):
        """The mode that a function leaves a model in, for one that was in training mode and one that was not."""
        models = [model_of(size.vocab, 4).train(training) for training in (True, False)]
        for model in models:
            function(*batch, model, "cpu")
        return [model.training for model in models]

    def refused():
        try:
            submission.calc_loss_loader(Loader([]), model_of(size.vocab, 4), "cpu")
        except ValueError:
            return torch.is_grad_enabled()
        finally:
            torch.set_grad_enabled(True)

    def still_learning():
        try:
            submission.calc_loss_loader(loader_of(size, 4, 1), model_of(size.vocab, 4), "cpu")
            return torch.is_grad_enabled()
        finally:
            torch.set_grad_enabled(True)

    return [
        lambda: cross_entropy((), 4),
        lambda: cross_entropy((3,), 4),
        lambda: cross_entropy((2, 3), 5),
        lambda: cross_entropy(square, 3),
        lambda: cross_entropy((2, 3, 4), 5),
        lambda: cross_entropy((2, 3), 5, 50.0),
        lambda: cross_entropy((2, 3), 5, 5e3),
        lambda: round(cross_entropy((2, 3), 5, dtype=torch.float32).item(), 4),
        lambda: submission.cross_entropy(
            1e4 * torch.eye(2, dtype=torch.float64)[:, :1].expand(2, 3), torch.tensor([1, 2])
        ),
        lambda: sure(20.0),
        lambda: submission.cross_entropy(logits_of((3, 2), 4, 1).transpose(0, 1), targets_of((2, 4), 4, 1)[:, 1:]),
        lambda: slopes((2, 3), 5),
        lambda: slopes((), 4),
        logits_afterwards,
        lambda: ready_made(submission, logits_of((2, 3), 4, 1), targets_of((2, 3), 4, 1)),
        lambda: submission.perplexity(1.5),
        lambda: submission.perplexity(torch.tensor(1.5, dtype=torch.float64)),
        lambda: batch_loss()[1],
        lambda: batch_loss()[0].weight.grad is None,
        lambda: sorted({ids.dim() for ids in batch_loss()[0].given}),
        batch_slopes,
        lambda: moved(lambda batch, model: submission.calc_loss_batch(*batch, model, AWAY)),
        lambda: moved(lambda batch, model: submission.calc_loss_loader(Loader([batch]), model, AWAY)),
        lambda: loader_of_three(model_of(size.vocab, 4)),
        lambda: loader_of_three(model_of(size.vocab, 4), 1),
        lambda: loader_of_three(model_of(size.vocab, 4), 2),
        lambda: loader_of_three(model_of(size.vocab, 4), 3),
        lambda: loader_of_three(model_of(size.vocab, 4), 7),
        lambda: taken(2),
        graphs,
        still_learning,
        gradients_stay_off,
        lambda: mode_after(submission.calc_loss_batch, *batch_of(size, 4)),
        lambda: mode_after(submission.calc_loss_loader, Loader([batch_of(size, 4)])),
        refused,
        lambda: submission.calc_loss_loader(Loader([]), model_of(size.vocab, 4), "cpu"),
        lambda: submission.calc_loss_loader(Loader([]), model_of(size.vocab, 4), "cpu", 2),
    ]
