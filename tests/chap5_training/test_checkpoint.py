"""The laws of checkpoints."""

import contextlib
import copy
import itertools
import os
import pickle
import tempfile
from pathlib import Path

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from kata.laws import draw, kills, verbs
from kata.laws.checks import LawBroken, broken, describe, equal, holds, same, shorten
from kata.laws.draw import Sizes

SIZES = draw.sizes(d_in=(1, 4), hidden=(2, 6), d_out=(1, 5))
TYPICAL = Sizes(d_in=3, hidden=5, d_out=2)
few = settings(max_examples=6)  # each writes files, and waits for the disk
# Each with hyper-parameters that are not its defaults, and a state of its own kind.
OPTIMIZERS = {
    "AdamW": lambda params, lr: torch.optim.AdamW(params, lr=lr, betas=(0.8, 0.95), weight_decay=0.1),
    "Adam with amsgrad": lambda params, lr: torch.optim.Adam(params, lr=lr, amsgrad=True),
    "SGD with momentum": lambda params, lr: torch.optim.SGD(params, lr=lr, momentum=0.9),
}
kinds = st.sampled_from(sorted(OPTIMIZERS))
steps = st.integers(1, 3)
AXES = ("row", "column")


@contextlib.contextmanager
def folder():
    """A folder for one case."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name).resolve()


def build(size, seed, kind="AdamW", lr=0.05, groups=1, more=(), frozen=()):
    """A model in training mode, with dropout and buffers, and its optimizer, which knows nothing of frozen layers."""
    torch.default_generator.manual_seed(seed)
    layers = [nn.Linear(size.d_in, size.hidden), nn.BatchNorm1d(size.hidden), nn.Dropout(0.4)]
    model = nn.Sequential(*layers, nn.Linear(size.hidden, size.d_out), *more)
    params = list(model.parameters())
    model.extend(frozen).to(torch.float64)
    parts = [{"params": params[i::groups]} for i in range(groups)]
    return model, OPTIMIZERS[kind](parts, lr)


def train(model, optimizer, seed, numbers):
    """Training steps with these numbers; each has its own batch and, as a schedule would, its own learning rate."""
    for number in numbers:
        x = draw.normal(seed + number, 5, model[0].in_features)
        for group in optimizer.param_groups:
            group["lr"] *= 0.9
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()


def trained(size, seed, kind="AdamW", numbers=range(2), **named):
    """A model and its optimizer after some steps, and torch's random state as these steps have left it."""
    model, optimizer = build(size, seed, kind, **named)
    train(model, optimizer, seed, numbers)
    return model, optimizer


def save(submission, path, model, optimizer, step=2):
    """Saves by the learner's code, which writes a file."""
    verbs.call(submission.save_checkpoint, path, model, optimizer, step)
    name = Path(path).name
    holds(Path(path).exists(), f"After saving to {name!r} there is no file of that name in its folder.")


def load(submission, path, model, optimizer):
    """Loads by the learner's code."""
    return verbs.call(submission.load_checkpoint, path, model, optimizer)


def tensors(value, name=""):
    """Every tensor and number in nested dictionaries and lists, by its path; as copies."""
    if isinstance(value, torch.Tensor):
        return {name: value.detach().clone()}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {name: torch.tensor(value, dtype=torch.float64)}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    return {path: found for key, part in items for path, found in tensors(part, f"{name}.{key}").items()}


def state(model, optimizer):
    """All numbers of a model and its optimizer, copied."""
    return tensors(model.state_dict(), "model") | tensors(optimizer.state_dict(), "optimizer")


def identical(found, expected, when):
    """Two states are the same, bit for bit."""
    holds(found.keys() == expected.keys(), f"{when}, {sorted(found.keys() ^ expected.keys())} are missing or too many.")
    for name, right in expected.items():
        same(found[name], right, _axes(right), f"{name}, {when},", tolerance=0.0, got="it is")


def reads_a_good_one(submission, path, saved):
    """That a file is refused says something only where a good checkpoint is read into a model like the one saved."""
    fresh, optimizer = copy.deepcopy(saved)
    with torch.no_grad():
        fresh[0].weight.zero_()
    try:
        load(submission, path, fresh, optimizer)
    except (NotImplementedError, LawBroken):
        raise
    except Exception as error:
        broken(f"A checkpoint as it was saved should be loaded, but loading it raised {said(error)}.")
    came_back = torch.equal(fresh[0].weight, saved[0][0].weight)
    holds(came_back, "A checkpoint as it was saved was loaded, but the model did not get its parameters.")


def said(error):
    """An error in a few words."""
    return f"{type(error).__name__}: {shorten(str(error))}" if str(error) else type(error).__name__


def refused(submission, path, model, optimizer, given):
    """The file is refused by an error, of whatever kind; what that changed in model and optimizer breaks the law."""
    before = state(model, optimizer)
    try:
        step = load(submission, path, model, optimizer)
    except (NotImplementedError, LawBroken):
        raise
    except Exception:
        unchanged(model, optimizer, before, given)
    else:
        broken(f"Loading {given} should raise an error, but you returned {describe(step)}.")


@contextlib.contextmanager
def errors_passed_over():
    """Any error may end the block, but not that of code which is not written yet."""
    try:
        yield
    except (NotImplementedError, LawBroken):
        raise
    except Exception:
        pass


def unchanged(model, optimizer, before, given):
    """Model and optimizer hold what they held."""
    after = state(model, optimizer)
    for name in sorted(before.keys() | after.keys()):
        if name not in after or name not in before or not torch.equal(after[name], before[name]):
            broken(f"Loading {given} raised an error, as it should, but {name} is no longer what it was.")


def cut_short(path, share):
    """Leaves this share of a file."""
    contents = path.read_bytes()
    path.write_bytes(contents[: int(share * len(contents))])


@given(seed=draw.seeds, step=st.integers(0, 10**9))
@example(seed=0, step=0)
@example(seed=0, step=10**8 + 1)
@few
def test_the_step_comes_back(submission, seed, step):
    """load_checkpoint returns the step that was saved, as an int."""
    with folder() as home:
        save(submission, home / "model.pt", *trained(TYPICAL, seed), step)
        found = load(submission, home / "model.pt", *build(TYPICAL, seed))
        holds(type(found) is int, f"load_checkpoint should return the step as an int, but returned {describe(found)}.")
        holds(found == step, f"load_checkpoint should return {step}, the step that was saved, but returned {found}.")


@given(size=SIZES, seed=draw.seeds)
@few
def test_parameters_and_buffers_come_back(submission, size, seed):
    """A fresh model gets every parameter and every buffer, such as the running mean of a normalisation."""
    model, optimizer = trained(size, seed)
    expected = tensors(model.state_dict(), "model")
    with folder() as home:
        save(submission, home / "model.pt", model, optimizer)
        fresh, other = build(size, seed + 1)
        load(submission, home / "model.pt", fresh, other)
    identical(tensors(fresh.state_dict(), "model"), expected, "loaded into a fresh model")


@given(size=SIZES, seed=draw.seeds, kind=kinds, groups=st.integers(1, 2))
@few
def test_the_optimizer_comes_back(submission, size, seed, kind, groups):
    """A fresh optimizer gets the state of every parameter, and the hyper-parameters, which a schedule has changed."""
    model, optimizer = trained(size, seed, kind, groups=groups)
    expected = tensors(optimizer.state_dict(), "optimizer")
    with folder() as home:
        save(submission, home / "model.pt", model, optimizer)
        fresh, other = build(size, seed + 1, kind, lr=0.7, groups=groups)
        load(submission, home / "model.pt", fresh, other)
    identical(tensors(other.state_dict(), "optimizer"), expected, f"loaded into a fresh optimizer ({kind})")


@given(size=SIZES, seed=draw.seeds, kind=kinds)
@few
def test_saving_changes_nothing(submission, size, seed, kind):
    """Saving leaves parameters, buffers, gradients, optimizer and mode as they are, in training and in eval mode."""
    with folder() as home:
        for training in (True, False):
            model, optimizer = trained(size, seed, kind)
            model.train(training)
            before = state(model, optimizer)
            gradients = [parameter.grad.clone() for parameter in model.parameters()]
            save(submission, home / "model.pt", model, optimizer)
            identical(state(model, optimizer), before, "after saving")
            modes = {module.training for module in model.modules()}
            holds(modes == {training}, f"model.training was {training} before it was saved, and is no longer so.")
            for (name, parameter), gradient in zip(model.named_parameters(), gradients, strict=True):
                kept = parameter.grad is not None and torch.equal(parameter.grad, gradient)
                holds(kept, f"After saving, the gradient of {name} is no longer what it was.")


@given(size=SIZES, seed=draw.seeds)
@few
def test_saving_draws_no_random_number(submission, size, seed):
    """Saving draws no number from torch's generator, and does not seed it."""
    model, optimizer = trained(size, seed)
    before = torch.get_rng_state()
    with folder() as home:
        save(submission, home / "model.pt", model, optimizer)
    holds(
        torch.equal(torch.get_rng_state(), before),
        "torch's random state is another after saving: training that saves would drop other units than training that "
        "does not.",
    )


@given(size=SIZES, seed=draw.seeds, drawn=st.integers(0, 5))
@few
def test_torchs_random_state_comes_back(submission, size, seed, drawn):
    """After loading, torch draws the numbers that it would have drawn after saving."""
    model, optimizer = trained(size, seed)
    torch.rand(drawn)
    with folder() as home:
        save(submission, home / "model.pt", model, optimizer)
        expected = torch.rand(3)
        fresh = build(size, seed + 1)
        load(submission, home / "model.pt", *fresh)
    same(torch.rand(3), expected, ("draw",), "what torch.rand gives after loading", tolerance=0.0)


@given(size=SIZES, seed=draw.seeds, kind=kinds, before=st.integers(0, 3), after=steps)
@example(size=TYPICAL, seed=0, kind="AdamW", before=2, after=2)
@example(size=TYPICAL, seed=0, kind="AdamW", before=0, after=2)
@few
def test_resumed_training_is_training_that_never_stopped(submission, size, seed, kind, before, after):
    """Saved, loaded into fresh objects and trained on, everything is what it is without the stop, bit for bit."""
    model, optimizer = trained(size, seed, kind, range(before + after))
    expected = state(model, optimizer)
    with folder() as home:
        save(submission, home / "model.pt", *trained(size, seed, kind, range(before)), before)
        model, optimizer = build(size, seed + 1, kind, lr=0.5)
        load(submission, home / "model.pt", model, optimizer)
    train(model, optimizer, seed, range(before, before + after))
    identical(
        state(model, optimizer), expected, f"after {before} step{'' if before == 1 else 's'}, a stop and {after} more"
    )


@given(seed=draw.seeds, name=st.sampled_from(["model.pt", "model", "step 7.ckpt", "v1.2", "mod\u00e8le.pt"]))
@few
def test_the_path_is_a_str_or_a_path(submission, seed, name):
    """The file is where the path says, whatever its name; the path may be a str or a Path, also a bare name."""
    with folder() as home, contextlib.chdir(home):
        kinds_of_path = [(str, Path), (Path, str)]
        for number, (where, (saved_as, loaded_as)) in enumerate(itertools.product((home, Path()), kinds_of_path)):
            save(submission, saved_as(where / name), *trained(TYPICAL, seed), number)
            loaded = load(submission, loaded_as(where / name), *build(TYPICAL, seed))
            equal(loaded, number, f"the step loaded from {name!r} as a {loaded_as.__name__}")


@given(size=SIZES, seed=draw.seeds)
@few
def test_saving_again_replaces_the_checkpoint(submission, size, seed):
    """What is saved over a checkpoint takes its place, and training that goes on does not change what was saved."""
    with folder() as home:
        model, optimizer = trained(size, seed)
        for step in (2, 3):
            save(submission, home / "model.pt", model, optimizer, step)
            expected = state(model, optimizer)
            train(model, optimizer, seed, [step])
            fresh = build(size, seed + 1)
            loaded = load(submission, home / "model.pt", *fresh)
            equal(loaded, step, f"the step loaded after saving step {step} to the same path")
            identical(state(*fresh), expected, f"saved at step {step} and loaded after a further step")


@given(seed=draw.seeds)
@few
def test_nothing_else_is_left_in_the_folder(submission, seed):
    """A save that has ended leaves one file in the folder, the checkpoint, and other files as they were."""
    with folder() as home:
        (home / "notes.txt").write_text("kept")
        for step in range(3):
            save(submission, home / "model.pt", *trained(TYPICAL, seed), step)
            load(submission, home / "model.pt", *build(TYPICAL, seed))
        left = {file.name for file in home.iterdir()}
        more = ", ".join(sorted(left - {"model.pt", "notes.txt"}))
        holds(not more, f"After three saves as model.pt the folder also holds {more}. Leave nothing else behind.")
        holds("notes.txt" in left, "After three saves as model.pt, another file in the folder, notes.txt, is gone.")
        equal((home / "notes.txt").read_text(), "kept", "what another file in the folder holds")


def saved_over(submission, home, old, new):
    """Every run of a save over an older checkpoint, killed or not, and what is found afterwards.

    Yields the run, the step loaded (None if nothing could be loaded, with the error), and whether all else that was
    loaded belongs to that step.
    """
    path = home / "model.pt"
    save(submission, path, *old, 1)
    size = path.stat().st_size
    right = {1: state(*old), 2: state(*new)}
    # First what is new: from then on, what was killed before is lying about.
    for kill in kills.every_kill(lambda: save(submission, path, *new, 2), home, (0, size // 2, size - 1)):
        fresh, error, step = build(TYPICAL, 9), None, None
        try:
            step = submission.load_checkpoint(path, *fresh)
        except (NotImplementedError, LawBroken):
            raise
        except Exception as raised:
            error = raised
        found = state(*fresh)
        whole = step in right and all(
            name in found and torch.equal(found[name], value) for name, value in right[step].items()
        )
        yield kill, step, whole, error
        save(submission, path, *old, 1)


def test_a_killed_save_leaves_the_old_checkpoint_or_the_new(submission):
    """A process that is killed while it saves, whenever that is, leaves the old checkpoint or the new one, whole."""
    with folder() as home:
        pairs = trained(TYPICAL, 1), trained(TYPICAL, 2, numbers=range(3))
        for kill, step, whole, error in saved_over(submission, home, *pairs):
            if kill.ending == "raised":
                broken(
                    f"Where the checkpoint's folder is a file system of its own, saving raised {shorten(kill.said)}. "
                    "Write the new checkpoint into the folder of the old one: only there can it be renamed in one act."
                )
            ended = kill.ending == "ended"
            when = "After a save" if ended else f"After a save that was killed {kill}"
            if error is not None:
                broken(
                    f"{when}, over an older checkpoint, loading raised {said(error)}. Write the new checkpoint to "
                    "another file, to its end, and only then put it in the place of the old one."
                )
            holds(
                step in ((2,) if ended else (1, 2)),
                f"{when} of step 2 over step 1, the step loaded is {step}: it should be {'2' if ended else '1 or 2'}.",
            )
            holds(whole, f"{when}, step {step} was loaded, but model and optimizer are not those of that step.")


class Trap:
    """What makes a folder when it is unpickled: any code could run in its place."""

    def __init__(self, sprung):
        self.sprung = sprung

    def __reduce__(self):
        return os.mkdir, (str(self.sprung),)


class Trapped(nn.Linear):
    """A model whose state_dict holds a trap."""

    trap = None

    def get_extra_state(self):
        """Part of the state_dict."""
        return self.trap


def trapped_files(submission, home, sprung):
    """Files that run code when they are unpickled: a checkpoint of the learner's own, torch's, and a plain pickle."""
    model = Trapped(3, 2)
    model.trap = Trap(sprung)
    with errors_passed_over():  # who refuses to write it, need not read it
        submission.save_checkpoint(home / "own", model, torch.optim.AdamW(model.parameters()), 1)
    torch.save({"model": Trap(sprung), "step": 1}, home / "torch")
    (home / "pickle").write_bytes(pickle.dumps(Trap(sprung), protocol=2))
    names = {
        "own": "a checkpoint whose model state holds an object that runs code when unpickled",
        "torch": "a file of torch.save that runs code when unpickled",
        "pickle": "a pickle that runs code",
    }
    return {home / name: says for name, says in names.items() if (home / name).exists()}


def test_a_checkpoint_can_run_no_code(submission):
    """A file that would run code when it is unpickled is refused, and its code does not run."""
    with folder() as home, folder() as other:
        saved = trained(TYPICAL, 1)
        save(submission, home / "model.pt", *saved)
        reads_a_good_one(submission, home / "model.pt", saved)
        sprung = other / "sprung"
        for path, says in trapped_files(submission, home, sprung).items():
            sprung.rmdir() if sprung.exists() else None  # copying what is to be saved may spring it
            model = nn.Linear(3, 2)
            optimizer = torch.optim.AdamW(model.parameters())
            before = state(model, optimizer)
            loaded = False
            with errors_passed_over():
                load(submission, path, model, optimizer)
                loaded = True
            holds(not sprung.exists(), f"Loading {says} ran that code. Let torch.load load weights only.")
            holds(not loaded, f"Loading {says} should raise an error.")
            unchanged(model, optimizer, before, says)


@given(size=SIZES, seed=draw.seeds, share=st.floats(0, 0.999))
@example(size=TYPICAL, seed=0, share=0.0)
@example(size=TYPICAL, seed=0, share=0.5)
@few
def test_a_truncated_file_is_refused_and_changes_nothing(submission, size, seed, share):
    """A checkpoint that was cut short raises an error, and model and optimizer stay as they are."""
    with folder() as home:
        saved = trained(size, seed)
        save(submission, home / "model.pt", *saved)
        reads_a_good_one(submission, home / "model.pt", saved)
        cut_short(home / "model.pt", share)
        model, optimizer = trained(size, seed + 1)
        refused(submission, home / "model.pt", model, optimizer, f"a checkpoint cut to {share:.1%} of its length")


def foreign_files(home, model):
    """Files that are no checkpoints, and what each is; the last one is missing."""
    (home / "empty").write_bytes(b"")
    (home / "text").write_text("step 7, loss 3.2\n" * 100)
    torch.save([1, 2, 3], home / "list")
    torch.save({"weights": torch.zeros(3)}, home / "dictionary")
    torch.save(model.state_dict(), home / "state")
    names = {
        "empty": "an empty file",
        "text": "a text",
        "list": "a list of numbers in a file of torch.save",
        "dictionary": "another dictionary in a file of torch.save",
        "state": "a bare state_dict of the model",
        "missing": "a file that does not exist",
    }
    return {home / name: says for name, says in names.items()}


@given(size=SIZES, seed=draw.seeds)
@few
def test_a_foreign_file_is_refused_and_changes_nothing(submission, size, seed):
    """A file that is no checkpoint raises an error, and model and optimizer stay as they are."""
    with folder() as home:
        model, optimizer = trained(size, seed)
        save(submission, home / "model.pt", model, optimizer)
        reads_a_good_one(submission, home / "model.pt", (model, optimizer))
        for path, says in foreign_files(home, build(size, seed + 1)[0]).items():
            refused(submission, path, model, optimizer, says)


@given(seed=draw.seeds)
@few
def test_a_checkpoint_with_a_part_missing_changes_nothing_if_it_is_refused(submission, seed):
    """If a checkpoint lacks a part, and that raises an error, model and optimizer stay as they are."""
    with folder() as home:
        saved = trained(TYPICAL, seed)
        save(submission, home / "model.pt", *saved)
        reads_a_good_one(submission, home / "model.pt", saved)
        for part, path in without_a_part(home).items():
            model, optimizer = trained(TYPICAL, seed + 1)
            before = state(model, optimizer)
            try:
                load(submission, path, model, optimizer)
            except (NotImplementedError, LawBroken):
                raise
            except Exception:
                unchanged(model, optimizer, before, f"a checkpoint without its part {part!r}")


def without_a_part(home):
    """Copies of the checkpoint that each lack one entry, if it is a dictionary that torch.load reads."""
    try:
        contents = torch.load(home / "model.pt", weights_only=True)
    except Exception:
        return {}
    found = {}
    for part in contents if isinstance(contents, dict) else ():
        found[part] = home / f"without {len(found)}"
        torch.save({key: value for key, value in contents.items() if key != part}, found[part])
    return found


def misfits(seed, size):
    """Models, with optimizers, that a checkpoint of this size does not fit."""
    wider = Sizes(**vars(size) | {"d_out": size.d_out + 1})
    return {
        "a model whose last layer has one more output": trained(wider, seed),
        "a model with one more layer": trained(size, seed, more=[nn.Linear(size.d_out, 2)]),
        "a model with one more layer that is not trained": trained(size, seed, frozen=[nn.Linear(size.d_out, 2)]),
    }


@given(size=SIZES, seed=draw.seeds)
@few
def test_another_model_is_refused_and_stays_as_it_is(submission, size, seed):
    """A checkpoint of a model of another shape, or of fewer or more layers, raises an error and changes nothing."""
    with folder() as home:
        saved = trained(size, seed)
        save(submission, home / "model.pt", *saved)
        reads_a_good_one(submission, home / "model.pt", saved)
        for says, (model, optimizer) in misfits(seed + 1, size).items():
            refused(submission, home / "model.pt", model, optimizer, f"a checkpoint into {says}")
        for extra in ("more", "frozen"):
            save(submission, home / "model.pt", *trained(size, seed, **{extra: [nn.Linear(size.d_out, 2)]}))
            model, optimizer = trained(size, seed + 1)
            refused(submission, home / "model.pt", model, optimizer, "a checkpoint into a model that lacks a layer")


@given(size=SIZES, seed=draw.seeds, fewer=st.booleans())
@few
def test_another_optimizer_is_refused_and_the_model_stays_as_it_is(submission, size, seed, fewer):
    """A checkpoint whose model fits, but whose optimizer has another number of groups, changes neither."""
    saved, there = (2, 1) if fewer else (1, 2)
    with folder() as home:
        those_saved = trained(size, seed, groups=saved)
        save(submission, home / "model.pt", *those_saved)
        reads_a_good_one(submission, home / "model.pt", those_saved)
        model, optimizer = trained(size, seed + 1, groups=there)
        given = f"an optimizer of {saved} groups of parameters into one of {there}"
        refused(submission, home / "model.pt", model, optimizer, given)


@given(size=SIZES, seed=draw.seeds)
@few
def test_after_a_refusal_training_goes_on_as_without_it(submission, size, seed):
    """A refused file does not disturb training: with the same random numbers, further steps are the same."""
    expected = state(*trained(size, seed, numbers=range(4)))
    with folder() as home:
        saved = trained(size, seed + 1, groups=2)
        save(submission, home / "other.pt", *saved)
        reads_a_good_one(submission, home / "other.pt", saved)
        (home / "text").write_text("no checkpoint")
        for name, says in {"other.pt": "of another optimizer", "text": "that is no checkpoint"}.items():
            model, optimizer = trained(size, seed)
            random = torch.get_rng_state()  # what becomes of it on a refusal is free
            with errors_passed_over():
                load(submission, home / name, model, optimizer)
            torch.set_rng_state(random)
            train(model, optimizer, seed, range(2, 4))
            identical(state(model, optimizer), expected, f"two steps after a file {says} was refused")


def _axes(tensor):
    return AXES[: tensor.dim()]


def probe(submission):
    """Calls that tell the misconceptions apart."""
    old, new = trained(TYPICAL, 1), trained(TYPICAL, 2, numbers=range(3))

    def saved(check, name="model.pt", objects=None, path=Path):
        """What a check finds in a folder with a checkpoint."""
        torch.default_generator.manual_seed(5)
        torch.rand(3)
        with folder() as home:
            submission.save_checkpoint(path(home / name), *(copy.deepcopy(old) if objects is None else objects), 7)
            return check(home)

    def bare_name(home):
        with contextlib.chdir(home):
            submission.save_checkpoint("bare.pt", *copy.deepcopy(old), 10**8 + 1)
            return submission.load_checkpoint("bare.pt", *build(TYPICAL, 3))

    def resumed(home):
        fresh = build(TYPICAL, 3, lr=0.7)
        torch.default_generator.manual_seed(6)
        step = submission.load_checkpoint(home / "model.pt", *fresh)
        drawn = torch.rand(2)
        return [step, fresh[0].training, drawn, sorted(state(*fresh).items())]

    def after_saving():
        model, optimizer = trained(TYPICAL, 1)
        before = torch.get_rng_state()
        with folder() as home:
            for _ in range(2):
                submission.save_checkpoint(home / "model.pt", model, optimizer, 7)
            names = sorted(file.name for file in home.iterdir())
        kept = [parameter.grad is not None for parameter in model.parameters()]
        return [torch.equal(torch.get_rng_state(), before), model.training, all(kept), "model.pt" in names, len(names)]

    def tried(path, model, optimizer):
        """Whether it raises, and whether model and optimizer are what they were."""
        before = state(model, optimizer)
        raised = False
        try:
            submission.load_checkpoint(path, model, optimizer)
        except Exception:
            raised = True
        after = state(model, optimizer)
        kept = [
            all(torch.equal(before[name], after[name]) for name in before if name in after and name.startswith(of))
            for of in ("model", "optimizer")
        ]
        return [raised, *kept, before.keys() == after.keys()]

    def foreign(home):
        files = foreign_files(home, build(TYPICAL, 3)[0])
        return [tried(path, *copy.deepcopy(new)) for path in files]

    def cut(home):
        cut_short(home / "model.pt", 0.7)
        return tried(home / "model.pt", *copy.deepcopy(new))

    def unfit(home):
        others = [*misfits(3, TYPICAL).values(), trained(TYPICAL, 3, groups=2)]
        return [tried(home / "model.pt", *other) for other in others]

    def partial(home):
        # Which parts there are is free, so what comes of each is put in no order.
        return sorted({tuple(tried(path, *copy.deepcopy(new))) for path in without_a_part(home).values()})

    def trapped():
        with folder() as home, folder() as other:
            found = []
            for path in trapped_files(submission, home, other / "sprung"):
                (other / "sprung").rmdir() if (other / "sprung").exists() else None
                model = nn.Linear(3, 2)
                found.append(tried(path, model, torch.optim.AdamW(model.parameters())))
                found.append((other / "sprung").exists())
            return found

    def replaced(home):
        return kills.habits(lambda: submission.save_checkpoint(home / "model.pt", *new, 8), home / "model.pt")

    return [
        lambda: saved(resumed),
        lambda: saved(resumed, path=str),
        lambda: saved(bare_name),
        after_saving,
        lambda: saved(cut),
        lambda: saved(foreign),
        lambda: saved(unfit),
        lambda: saved(partial),
        trapped,
        lambda: saved(replaced),
    ]
