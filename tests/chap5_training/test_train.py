"""The laws of the training loop."""

import math
import numbers

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

from kata.laws import draw, verbs
from kata.laws.checks import broken, describe, equal, holds, same
from kata.laws.draw import Sizes

SIZES = draw.sizes(distinct=False, epochs=(1, 3), batches=(1, 4), val_batches=(1, 3), freq=(1, 5), iter=(1, 5))
ONE_STEP = Sizes(epochs=1, batches=1, val_batches=1, freq=1, iter=1)
SEVERAL_STEPS = Sizes(epochs=2, batches=3, val_batches=2, freq=2, iter=2)
SELDOM = Sizes(epochs=2, batches=3, val_batches=2, freq=4, iter=1)
VOCAB = 5
AXES = ("row", "column")
WORDS = {"table": "weight", "bias": "bias"}
"""What the parameters of the law's model are called where a learner reads of them."""
MODES = {True: "training mode", False: "eval mode"}


class Loader:
    """Batches of ids and targets, of different sizes; the targets have nothing to do with the ids."""

    def __init__(self, count, seed):
        shapes = [(1 + (seed + index) % 3, 1 + (seed + 2 * index) % 4) for index in range(count)]
        self.batches = [
            (draw.integers(seed + 2 * index, VOCAB, *shape), draw.integers(seed + 2 * index + 1, VOCAB, *shape))
            for index, shape in enumerate(shapes)
        ]

    def __iter__(self):
        return iter([(inputs.clone(), targets.clone()) for inputs, targets in self.batches])

    def __len__(self):
        return len(self.batches)


class Bigrams(nn.Module):
    """A model that looks at one token only, and has another opinion in training mode than in eval mode.

    It notes in `log` each call: its mode, whether gradients were on, and the ids.
    """

    def __init__(self, seed):
        super().__init__()
        self.table = nn.Parameter(draw.normal(seed, VOCAB, VOCAB))
        self.bias = nn.Parameter(draw.normal(seed + 1, VOCAB))
        self.part = nn.Identity()  # the mode must reach the parts of a model as well
        self.log = []

    def forward(self, ids):
        self.log.append((self.part.training, torch.is_grad_enabled(), ids))
        return self.logits(ids, self.part.training)

    def logits(self, ids, training):
        """(batch, tokens) -> (batch, tokens, vocab)."""
        logits = self.table[ids] + self.bias
        return 3 * logits if training else logits

    def loss(self, batch, training):
        """The loss of a batch in a mode, without a note."""
        inputs, targets = batch
        return cross_entropy(self.logits(inputs, training).flatten(0, 1), targets.flatten())

    def copy(self):
        """Another model with the same parameters."""
        other = Bigrams(0)
        other.load_state_dict(self.state_dict())
        return other


class Recording(torch.optim.SGD):
    """Plain SGD that keeps, for each step, the gradients it found and a copy of the model before and after."""

    def __init__(self, model, lr):
        super().__init__(model.parameters(), lr=lr)
        self.model, self.steps = model, []

    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        before = self.model.copy()
        gradients = {
            name: None if parameter.grad is None else parameter.grad.clone()
            for name, parameter in self.model.named_parameters()
        }
        super().step()
        self.steps.append((gradients, before, self.model.copy(), len(self.model.log)))
        return loss


class Run:
    """One call of train_model, and everything that was seen of it."""

    def __init__(self, submission, size, seed, training=True, lr=0.3):
        self.size = size
        self.train = draw.stand_in(Loader, size.batches, seed)
        self.val = draw.stand_in(Loader, size.val_batches, seed + 1000)
        self.model = draw.stand_in(Bigrams, seed).train(training)
        self.optimizer = draw.stand_in(Recording, self.model, lr)
        self.told = []  # what on_eval was told, and after how many steps
        result = verbs.call(
            submission.train_model,
            self.model,
            self.train,
            self.val,
            self.optimizer,
            "cpu",
            size.epochs,
            size.freq,
            size.iter,
            on_eval=lambda *told: self.told.append((told, len(self.optimizer.steps))),
        )
        self.train_losses, self.val_losses, self.tokens_seen = three_lists(result)

    @property
    def steps(self):
        """How many optimizer steps there should be."""
        return self.size.epochs * self.size.batches

    @property
    def measured(self):
        """After which steps, counted from 0, there should be a measurement."""
        return list(range(0, self.steps, self.size.freq))

    def took_steps(self):
        """What is said of steps says something only where there are some."""
        steps = len(self.optimizer.steps)
        holds(steps > 0, f"The optimizer's step() was never called: there should be {counted(self.steps, 'step')}.")

    def measured_losses(self):
        """What is said of measurements says something only where there are some."""
        was_measured(self.train_losses)

    def batch(self, step):
        """The batch that should be trained on in a step."""
        return self.train.batches[step % self.size.batches]

    def models(self):
        """The model after each measured step, for as many as there were."""
        return [(step, self.optimizer.steps[step][2]) for step in self.measured if step < len(self.optimizer.steps)]


def three_lists(result):
    """What train_model returned: three lists of numbers, of one length."""
    if not isinstance(result, tuple | list) or len(result) != 3:
        broken(f"train_model should return train_losses, val_losses, tokens_seen, but you returned {describe(result)}.")
    names = ("train_losses", "val_losses", "tokens_seen")
    for name, values in zip(names, result, strict=True):
        holds(isinstance(values, list), f"{name} should be a list, but you returned {describe(values)}.")
        for value in values:
            if isinstance(value, torch.Tensor):
                holds(not value.requires_grad, f"{name} holds tensors with a graph: that keeps all of it in memory.")
            holds(
                isinstance(value, numbers.Real) or (isinstance(value, torch.Tensor) and value.numel() == 1),
                f"{name} should hold numbers, but holds {describe(value)}.",
            )
    lengths = [len(values) for values in result]
    holds(
        len(set(lengths)) == 1,
        f"train_losses, val_losses and tokens_seen should have one length, but have {lengths}.",
    )
    return tuple([float(value) for value in values] for values in result)


def was_measured(losses):
    """There is at least one measurement."""
    holds(len(losses) > 0, "The lists are empty: no loss was measured. The first measurement is due after step 1.")


def optimizer_of(model, name, lr):
    """One of PyTorch's own optimizers for a model."""
    return getattr(torch.optim, name)(model.parameters(), lr=lr)


def counted(count, what):
    """A number of things."""
    return f"{count} {what}{'' if count == 1 else 's'}"


@given(seed=draw.seeds, lr=st.floats(0.01, 1), name=st.sampled_from(["SGD", "AdamW"]))
@settings(max_examples=10)
@example(seed=0, lr=0.5, name="SGD")
def test_one_step_equals_a_step_by_hand(submission, seed, lr, name):
    """With one batch, training is: the gradient of the loss, then one step of the optimizer that was given."""
    model, loader = draw.stand_in(Bigrams, seed), draw.stand_in(Loader, 1, seed)
    by_hand = model.copy().train()
    optimizer = draw.stand_in(optimizer_of, model, name, lr)
    verbs.call(submission.train_model, model, loader, loader, optimizer, "cpu", 1, 1, 1)
    step = optimizer_of(by_hand, name, lr)
    by_hand.loss(loader.batches[0], training=True).backward()
    step.step()
    for part, parameter in by_hand.named_parameters():
        what = f"the model's {WORDS[part]}, after one step of {name},"
        same(getattr(model, part), parameter.detach(), AXES[-parameter.dim() :], what, got="it is")


@given(size=SIZES, seed=draw.seeds)
@settings(max_examples=15)
@example(size=SEVERAL_STEPS, seed=0)
def test_every_batch_of_every_epoch_is_one_step(submission, size, seed):
    """Each batch of each epoch is one optimizer step, in the order of the loader, and nothing else is."""
    run = Run(submission, size, seed)
    count = len(run.optimizer.steps)
    holds(
        count == run.steps,
        f"{size.epochs} epochs of {size.batches} batches should be {run.steps} optimizer steps, not {count}.",
    )
    for step, (_, _, _, called) in enumerate(run.optimizer.steps):
        holds(called > 0, f"At step {step}, counted from 0, the model had not been called yet: the loss comes first.")
        _, gradients, ids = run.model.log[called - 1]
        holds(
            gradients,
            f"Before step {step}, counted from 0, the model was last called with gradients off, as to measure a loss: "
            "measure after optimizer.step().",
        )
        holds(
            torch.equal(ids, run.batch(step)[0]),
            f"Step {step}, counted from 0, should train on batch {step % size.batches} of epoch "
            f"{step // size.batches}, but the ids that the model was last given are others.",
        )


@given(size=SIZES, seed=draw.seeds)
@settings(max_examples=15)
@example(size=ONE_STEP, seed=0)
@example(size=SEVERAL_STEPS, seed=0)
def test_a_step_follows_the_gradient_of_its_batch_alone(submission, size, seed):
    """At each step the gradients are those of the loss of that batch, with its targets, and of no batch before."""
    run = Run(submission, size, seed, lr=0.1)
    run.took_steps()
    for step, (found, before, _, _) in enumerate(run.optimizer.steps[: run.steps]):
        training = before.train()
        training.zero_grad()
        training.loss(run.batch(step), training=True).backward()
        for name, parameter in training.named_parameters():
            holds(
                found[name] is not None,
                f"At step {step}, counted from 0, the model's {WORDS[name]} has no gradient: call backward() before "
                "the optimizer's step.",
            )
            what = f"the gradient of the model's {WORDS[name]}, at step {step}, counted from 0,"
            same(found[name], parameter.grad, AXES[-parameter.dim() :], what, got="it is")


@given(size=SIZES, seed=draw.seeds, lr=st.floats(0.01, 1))
@settings(max_examples=15)
@example(size=SEVERAL_STEPS, seed=0, lr=0.5)
def test_nothing_but_the_optimizer_changes_the_parameters(submission, size, seed, lr):
    """The parameters change by the optimizer's steps, with its own learning rate, and by nothing else."""
    run = Run(submission, size, seed, lr=lr)
    run.took_steps()
    last, when = Bigrams(seed), "Before the first step"
    for step, (_, before, after, _) in enumerate(run.optimizer.steps):
        stays(last, before, when)
        last, when = after, f"After {counted(step + 1, 'step')} and before what comes next"
    stays(last, run.model, when)
    found = run.optimizer.param_groups[0]["lr"]
    holds(found == lr, f"The optimizer had the learning rate {lr:.4g}, and has {found:.4g} now: nobody asked for that.")


def stays(before, after, when):
    """Two models have the same parameters."""
    for (name, one), other in zip(before.named_parameters(), after.parameters(), strict=True):
        moved = (one - other).abs().max().item()
        holds(
            moved <= 1e-12,
            f"{when}, the model's {WORDS[name]} changed by {moved:.4g}, and not through the optimizer's step.",
        )


@given(size=SIZES, seed=draw.seeds, training=st.booleans())
@settings(max_examples=15)
@example(size=SEVERAL_STEPS, seed=0, training=False)
@example(size=SELDOM, seed=0, training=True)
def test_every_step_is_in_training_mode(submission, size, seed, training):
    """Every step is taken in training mode: the first one whatever the mode before, and those after a measurement."""
    run = Run(submission, size, seed, training)
    run.took_steps()
    for step, (_, _, _, called) in enumerate(run.optimizer.steps):
        mode = run.model.log[called - 1][0] if called else None
        after = f"the model came in {MODES[training]}" if step == 0 else f"{step} steps had been taken"
        holds(
            mode is True,
            f"Step {step}, counted from 0, was taken in eval mode ({after}). Without dropout the model overfits: be in "
            "training mode for every step.",
        )


@given(size=SIZES, seed=draw.seeds)
@settings(max_examples=15)
@example(size=SEVERAL_STEPS, seed=0)
@example(size=SELDOM, seed=0)
@example(size=Sizes(epochs=3, batches=2, val_batches=1, freq=3, iter=1), seed=0)
def test_losses_are_measured_after_the_first_step_and_every_eval_freq(submission, size, seed):
    """Losses are measured after steps 1, 1 + eval_freq, 1 + 2·eval_freq and so on, across all epochs."""
    run = Run(submission, size, seed)
    expected = [step + 1 for step in run.measured]
    says = f"With {run.steps} steps in {size.epochs} epochs and eval_freq {size.freq}, "
    holds(
        len(run.train_losses) == len(expected),
        f"{says}losses should be measured after steps {expected}, so {len(expected)} times, but there are "
        f"{len(run.train_losses)} measurements.",
    )
    found = [after for _, after in run.told]
    holds(found == expected, f"{says}on_eval should be called after steps {expected}, but was after steps {found}.")


@given(size=SIZES, seed=draw.seeds)
@settings(max_examples=15)
@example(size=SEVERAL_STEPS, seed=0)
def test_losses_are_measured_in_eval_mode_without_gradient(submission, size, seed):
    """Both losses are measured in eval mode and without gradient, and leave no gradient behind."""
    run = Run(submission, size, seed)
    run.measured_losses()
    begins = 0
    ends = [called - 1 for _, _, _, called in run.optimizer.steps]
    holds(len(run.model.log) > len(ends), "The model was called for the optimizer's steps only, and never to measure.")
    for step, end in enumerate([*ends, len(run.model.log)]):
        for training, gradients, _ in run.model.log[begins:end]:
            when = f"After {counted(step, 'step')} the model was called to measure a loss"
            holds(not training, f"{when} in training mode: with dropout on, losses are too high. Call eval() before.")
            holds(not gradients, f"{when} with gradients on, which costs memory for nothing.")
        begins = end + 1


@given(size=SIZES, seed=draw.seeds)
@settings(max_examples=15)
@example(size=SEVERAL_STEPS, seed=0)
@example(size=Sizes(epochs=1, batches=4, val_batches=1, freq=2, iter=3), seed=0)
@example(size=Sizes(epochs=1, batches=4, val_batches=1, freq=1, iter=1), seed=0)
def test_the_training_loss_is_that_of_the_first_eval_iter_batches(submission, size, seed):
    """The training loss is the mean over the first eval_iter batches of the train loader, with the model as it is."""
    measures(Run(submission, size, seed), "train_losses")


@given(size=SIZES, seed=draw.seeds)
@settings(max_examples=15)
@example(size=SEVERAL_STEPS, seed=0)
@example(size=Sizes(epochs=1, batches=1, val_batches=3, freq=1, iter=2), seed=0)
def test_the_validation_loss_is_that_of_the_first_eval_iter_batches(submission, size, seed):
    """The validation loss is the mean over the first eval_iter batches of the validation loader."""
    measures(Run(submission, size, seed), "val_losses")


def measures(run, name):
    """The losses of this name are those of the model after each measured step."""
    run.took_steps()
    run.measured_losses()
    batches = {"train_losses": run.train, "val_losses": run.val}[name].batches[: run.size.iter]
    for (step, model), found in zip(run.models(), getattr(run, name), strict=False):
        with torch.no_grad():
            expected = sum(model.loss(batch, training=False).item() for batch in batches) / len(batches)
        holds(
            abs(found - expected) <= 1e-9 * max(1.0, expected),
            f"After step {step + 1}, with eval_iter {run.size.iter}, {name} holds {found:.6g}: the mean loss of the "
            f"first {len(batches)} batches, with the model as it is after that step, is {expected:.6g}.",
        )


@given(size=SIZES, seed=draw.seeds)
@settings(max_examples=15)
@example(size=SEVERAL_STEPS, seed=0)
@example(size=SELDOM, seed=1)
def test_tokens_seen_counts_the_input_tokens(submission, size, seed):
    """tokens_seen holds, for each measurement, the input tokens of all steps until then, in every epoch."""
    run = Run(submission, size, seed)
    run.measured_losses()
    for step, found in zip(run.measured, run.tokens_seen, strict=False):
        shapes = [tuple(run.batch(earlier)[0].shape) for earlier in range(step + 1)]
        expected = sum(map(math.prod, shapes))
        holds(
            found == expected,
            f"After {counted(step + 1, 'step')}, with input batches of shapes {shapes}, tokens_seen should be "
            f"{expected}, but is {found:g}.",
        )


@given(size=SIZES, seed=draw.seeds)
@settings(max_examples=15)
@example(size=SEVERAL_STEPS, seed=0)
def test_on_eval_is_told_step_and_losses(submission, size, seed):
    """After each measurement on_eval is called with step, train_loss and val_loss, steps counted from 0."""
    run = Run(submission, size, seed)
    run.measured_losses()
    holds(
        len(run.told) == len(run.train_losses),
        f"There were {len(run.train_losses)} measurements, but on_eval was called {len(run.told)} times.",
    )
    for index, (told, after) in enumerate(run.told):
        holds(len(told) == 3, f"on_eval should be called with step, train_loss, val_loss, but got {told}.")
        equal(
            int(told[0]),
            after - 1,
            f"the step that on_eval is told after {counted(after, 'optimizer step')}",
            got="it is",
        )
        expected = [run.train_losses[index], run.val_losses[index]]
        equal(
            [float(loss) for loss in told[1:]], expected, "the [train_loss, val_loss] that on_eval is told", got="it is"
        )


@given(size=SIZES, seed=draw.seeds)
@settings(max_examples=10)
@example(size=ONE_STEP, seed=0)
@example(size=Sizes(epochs=0, batches=2, val_batches=1, freq=1, iter=1), seed=0)
def test_it_trains_the_same_without_on_eval(submission, size, seed):
    """on_eval may be left out, and measuring more often changes nothing in the model."""
    observed, model = Run(submission, size, seed, lr=0.3), draw.stand_in(Bigrams, seed)
    val = draw.stand_in(Loader, size.val_batches, seed + 1000)
    sgd = draw.stand_in(optimizer_of, model, "SGD", 0.3)
    train = draw.stand_in(Loader, size.batches, seed)
    result = verbs.call(submission.train_model, model, train, val, sgd, "cpu", size.epochs, size.freq + 1, size.iter)
    train_losses, _, _ = three_lists(result)
    equal(len(train_losses), len(range(0, observed.steps, size.freq + 1)), "the number of measurements")
    what = f"the model's weight, measured every {size.freq + 1} steps instead of {size.freq},"
    same(model.table, observed.model.table.detach(), AXES, what, got="it is")


def devices_seen(submission):
    """On which devices a model got its ids: that of training first, then that of the first measurement.

    The meta device, which every machine has, knows no numbers, so that no measurement can be finished on it. Said as
    well is whether the training came to its end: then a measurement that is not there was never begun.
    """
    model, loader = Bigrams(0).to("meta"), Loader(1, 0)
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    ended = False
    try:
        submission.train_model(model, loader, loader, sgd, "meta", 1, 1, 1)
        ended = True
    except Exception:
        if not model.log:
            raise
    return [ids.device.type for _, _, ids in model.log[:2]], ended


def test_batches_go_to_the_device(submission):
    """Batches go to the device that was given, to be trained on and to be measured."""
    devices, ended = devices_seen(submission)
    holds(
        len(devices) == 2 or not ended,
        f"The model was called {counted(len(devices), 'time')}: it should be for a step, and for a measurement.",
    )
    for device, what in zip(devices, ("The first step", "The first measurement"), strict=False):
        holds(
            device == "meta",
            f"{what} gave the model ids on the device {device!r}, though `device` was 'meta': pass it on.",
        )


class Reshuffled:
    """A loader that gives other batches each time that it is gone through, as one that shuffles does."""

    def __init__(self, count):
        self.count, self.rounds = count, 0

    def __iter__(self):
        self.rounds += 1
        return iter([(torch.full((1, 2), VOCAB * self.rounds + index),) * 2 for index in range(self.count)])

    def __len__(self):
        return self.count


@given(epochs=st.integers(2, 4), batches=st.integers(1, 3))
@settings(max_examples=5)
@example(epochs=2, batches=1)
def test_each_epoch_asks_the_loader_anew(submission, epochs, batches):
    """Each epoch goes through the train loader anew, which is when a loader shuffles."""
    model, seen = draw.stand_in(embedding_only, 200), []

    def note(module, arguments, result):
        if torch.is_grad_enabled():
            seen.append(arguments[0].flatten()[0].item())

    model.register_forward_hook(note)
    sgd = draw.stand_in(optimizer_of, model, "SGD", 0.1)
    train, val = draw.stand_in(Reshuffled, batches), draw.stand_in(Loader, 1, 0)
    verbs.call(submission.train_model, model, train, val, sgd, "cpu", epochs, 100, 1)
    rounds = [token // VOCAB for token in seen]
    holds(
        len(set(rounds)) == epochs,
        f"In {epochs} epochs, the batches of {counted(len(set(rounds)), 'round')} through the loader were trained on: "
        "go through the loader itself in each epoch, not through a copy of what it gave once.",
    )


def embedding_only(vocab):
    """A model that looks at one token only."""
    return nn.Sequential(nn.Embedding(vocab, vocab))


def with_dropout():
    """A model in which chance has a say while it trains."""
    model = nn.Sequential(nn.Embedding(VOCAB, 8), nn.Dropout(0.5), nn.Linear(8, VOCAB)).double()
    for index, parameter in enumerate(model.parameters()):
        verbs.write(parameter, draw.normal(index, *parameter.shape))
    return model


@given(seed=draw.seeds)
@settings(max_examples=5)
def test_the_same_seed_gives_the_same_history(submission, seed):
    """After the same torch.manual_seed everything is the same, and after another it is not: it seeds nothing itself."""

    def history(global_seed):
        model = draw.stand_in(with_dropout)
        sgd = draw.stand_in(optimizer_of, model, "SGD", 0.5)
        torch.default_generator.manual_seed(global_seed)
        train, val = draw.stand_in(Loader, 3, 0), draw.stand_in(Loader, 1, 9)
        lists = three_lists(verbs.call(submission.train_model, model, train, val, sgd, "cpu", 2, 2, 2))
        return lists, torch.get_rng_state().tolist()

    first, again, other = history(seed), history(seed), history(seed + 1)
    was_measured(first[0][0])
    holds(first[0] == again[0], "Two runs after the same torch.manual_seed gave different losses.")
    holds(
        first[0] != other[0] and first[1] != other[1],
        "Two runs with dropout, after different seeds, ended in the same losses or the same random state: "
        "do not seed in here.",
    )


SYMBOLS, CONTEXT, ROWS, STEPS = 16, 16, 32, 201
GPT = {"vocab_size": SYMBOLS, "context_length": CONTEXT, "emb_dim": 32, "n_heads": 2, "n_layers": 1}


def markov_source(seed):
    """How probable each symbol is after each other one, (symbol, next symbol)."""
    return torch.softmax(2 * draw.normal(seed, SYMBOLS, SYMBOLS), dim=-1)


def written_by(source, count, seed):
    """Batches of (ids, targets), (ROWS, CONTEXT) each, cut from texts that the source has written."""
    chance = draw.generator(seed)
    first = torch.linalg.matrix_power(source, 100)[0]  # how often each symbol comes in the long run
    ids = [torch.multinomial(first, count * ROWS, replacement=True, generator=chance)]
    for _ in range(CONTEXT):
        ids.append(torch.multinomial(source[ids[-1]], 1, generator=chance)[:, 0])
    texts = torch.stack(ids, dim=1)  # (texts, CONTEXT + 1)
    return [(text[:, :-1], text[:, 1:]) for text in texts.split(ROWS)]


def entropy_of(batches, source):
    """What the source itself would lose on this very text: its entropy rate, but for the chance in what was written."""
    return -sum(source[ids, targets].log().mean().item() for ids, targets in batches) / len(batches)


def first_of(batches, count):
    """Only the first of some batches."""
    return batches[:count]


def test_a_gpt_comes_close_to_the_entropy_and_not_below(submission):
    """A GPT trained on a source of known entropy comes within 3 % of it on new text, and not below it."""
    from chap4_gpt.gpt_model import GPTModel

    source = draw.stand_in(markov_source, 1)
    train, held_out = draw.stand_in(written_by, source, STEPS, 2), draw.stand_in(written_by, source, 20, 3)
    shown = draw.stand_in(first_of, held_out, 2)  # few, so that it does not take long to measure far too often
    model = verbs.construct(GPTModel, GPT | {"drop_rate": 0.0, "qkv_bias": False}, seed=0)
    optimizer = draw.stand_in(optimizer_of, model, "AdamW", 0.006)
    result = verbs.call(submission.train_model, model, train, shown, optimizer, "cpu", 1, 100, len(shown))
    _, val_losses, _ = three_lists(result)
    holds(len(val_losses) > 0, "No loss was measured.")
    with torch.no_grad():
        model.eval()
        losses = [cross_entropy(model(ids).flatten(0, 1), targets.flatten()).item() for ids, targets in held_out]
    loss, entropy = sum(losses) / len(losses), entropy_of(held_out, source)
    for what, found, floor, slack in (
        ("The last validation loss that you return", val_losses[-1], entropy_of(shown, source), 0.05),
        ("The loss on new text", loss, entropy, 0.01),
    ):
        holds(
            found >= (1 - slack) * floor,
            f"{what} is {found:.3f}, but the entropy of the source is {floor:.3f} on this text, and nobody can "
            "forecast it better: the model sees the future, or the targets are not the tokens that come next.",
        )
    holds(
        loss <= 1.03 * entropy,
        f"After {STEPS} steps the loss on new text is {loss:.3f}, but the entropy of the source is {entropy:.3f} on "
        f"this text: it should be within 3 % by then. A model that knows nothing loses {math.log(SYMBOLS):.3f}.",
    )


def probe(submission):
    """Calls that tell the misconceptions apart."""

    def plain(value):
        return value.item() if isinstance(value, torch.Tensor) else float(value)

    def seen(size, training=True, lr=0.3):
        """Everything that was seen of a run, or for a run that fails, as much as there was of it."""

        def outcome():
            model = Bigrams(1).train(training)
            optimizer, told, backwards = Recording(model, lr), [], []
            loaders = Loader(size.batches, 4), Loader(size.val_batches, 7)
            model.table.register_hook(lambda _: backwards.append(len(optimizer.steps)))

            def on_eval(*values):
                told.append([plain(value) for value in values] + [len(optimizer.steps)])

            result = submission.train_model(
                model, *loaders, optimizer, "cpu", size.epochs, size.freq, size.iter, on_eval=on_eval
            )
            graph = any(isinstance(x, torch.Tensor) and x.requires_grad for values in result for x in values)
            lists = [[plain(value) for value in values] for values in result]
            trained = [model.log[called - 1][::2] for _, _, _, called in optimizer.steps if called]
            places = {called - 1 for _, _, _, called in optimizer.steps}
            measured = [call[:2] for place, call in enumerate(model.log) if place not in places]
            gradients = [sorted(found.items()) for found, _, _, _ in optimizer.steps]
            measured = [len(measured), sorted(set(measured))]
            rates = [group["lr"] for group in optimizer.param_groups]
            return [lists, told, graph, trained, measured, backwards, gradients, rates, model.table]

        return outcome

    def without_on_eval():
        model, loader = Bigrams(2), Loader(2, 3)
        sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        return list(submission.train_model(model, loader, loader, sgd, "cpu", 2, 3, 1))

    def reshuffled():
        model, seen = nn.Sequential(nn.Embedding(200, 200)), []
        model.register_forward_hook(lambda _, ids, __: seen.append(ids[0]) if torch.is_grad_enabled() else None)
        sgd = torch.optim.SGD(model.parameters(), lr=0.1)
        submission.train_model(model, Reshuffled(2), Loader(1, 0), sgd, "cpu", 3, 100, 1)
        return seen

    def seeds():
        """Whether the random state at the beginning, in the measurements, and in the end is the one before."""
        torch.default_generator.manual_seed(77)
        before, model, loader, same_state = torch.get_rng_state(), Bigrams(2), Loader(2, 3), []
        model.register_forward_pre_hook(lambda *_: same_state.append(torch.equal(before, torch.get_rng_state())))
        sgd = torch.optim.SGD(model.parameters(), lr=0.1)
        submission.train_model(model, loader, loader, sgd, "cpu", 2, 3, 1)
        return [same_state[0], all(same_state[1:]), torch.equal(before, torch.get_rng_state())]

    return [
        *(seen(size) for size in (ONE_STEP, SEVERAL_STEPS, SELDOM)),
        seen(SEVERAL_STEPS, training=False),
        seen(Sizes(epochs=1, batches=5, val_batches=3, freq=3, iter=9)),
        seen(Sizes(epochs=3, batches=2, val_batches=2, freq=2, iter=1), lr=30.0),
        without_on_eval,
        reshuffled,
        seeds,
        lambda: list(devices_seen(submission)),
    ]
