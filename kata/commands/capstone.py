"""`capstone`: trains the learner's own GPT, on their own code throughout, for a bounded time."""

import argparse
import dataclasses
import importlib
import os
import sys
from pathlib import Path

from rich.console import Console

from kata import ROOT, KataError, curriculum, files, judge, trees, vocabulary
from kata.capstone import curve, needs, page, processes, progress, record, text
from kata.capstone.record import PAGE, Record, Settings
from kata.capstone.run import Bound, Run

SCRIPTS = ROOT / "capstone"
FOLDER = ROOT / ".kata" / "capstone"
MINUTES = 3.0
TOKENIZERS = (
    "own (default): your byte-pair encoding, trained on the text to --vocab-size tokens. gpt2: GPT-2's, of which the "
    "tokens that occur in the text are kept, five times as many: each is seen more rarely, and a step takes twice as "
    "long. After a minute on one core the model is 0.2 nats below the bigrams with yours, 0.3 above with GPT-2's."
)
NUMBERS = {
    "vocab_size": "tokens of your own tokenizer",
    "context_length": "tokens the model sees",
    "emb_dim": "features of a token",
    "n_heads": "heads of a block",
    "n_layers": "blocks",
    "batch_size": "windows in a batch, over all processes together",
    "round_steps": "steps from one measurement and checkpoint to the next",
    "seed": "where random numbers begin",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be asked for. Of the settings, none has a default here: a run that goes on has its own."""
    default = {field.name: field.default for field in dataclasses.fields(Settings)}
    parser.add_argument("--minutes", type=_above_zero, help=f"how long to train in all (default: {MINUTES:g})")
    parser.add_argument("--steps", type=_positive, help="how many steps to train in all, instead of --minutes")
    parser.add_argument("--fresh", action="store_true", help="begin anew; the old run is kept aside")
    parser.add_argument("--device", default="cpu", choices=processes.DEVICES, help="where to train (default: cpu)")
    parser.add_argument("--processes", type=_positive, default=1, metavar="N", help="share the work among N processes")
    parser.add_argument("--tokenizer", choices=("own", "gpt2"), help=TOKENIZERS)
    for name, says in NUMBERS.items():
        parser.add_argument(_option(name), type=_positive, metavar="N", help=f"{says} (default: {default[name]})")
    parser.add_argument("--drop-rate", type=float, metavar="P", help=f"dropout (default: {default['drop_rate']})")
    parser.add_argument("--max-lr", type=_above_zero, help=f"the highest learning rate (default: {default['max_lr']})")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the run is kept (default: .kata/capstone)")
    parser.add_argument("--tree", default="exercises", choices=trees.NAMED_TREES, help="whose code (default: yours)")


def run(arguments: argparse.Namespace) -> int:
    """0 when the run has come to its end, 1 when somebody stopped it before."""
    lessons = curriculum.load(ROOT)
    console = Console(highlight=False, quiet=processes.rank() > 0)
    tree = trees.find_tree(ROOT, arguments.tree)
    vocabulary.point_tiktoken_here()
    processes.find_device(arguments.device)
    if processes.rank() == 0:
        refuse_unless_done(lessons, tree, arguments.tree, console)
    if arguments.processes > 1 and not processes.are_started():
        return processes.start(arguments.processes, [sys.executable, "-m", "kata", *sys.argv[1:]])
    return train(lessons, arguments, console)


def refuse_unless_done(lessons: curriculum.Curriculum, tree: Path, tree_name: str, console: Console) -> None:
    """Raises KataError with the list of what is not done."""
    exercises = needs.needed(lessons, SCRIPTS)
    with console.status(f"Looking at the {len(exercises)} exercises that the capstone stands on ..."):
        try:
            missing = needs.not_done(lessons, exercises, tree, tree_name)
        except judge.Interrupted:
            raise KeyboardInterrupt from None
    if missing:
        names = "\n".join(
            f"  {verdict.id}: {sum(law.status == 'passed' for law in verdict.laws)} of {len(verdict.laws)} laws hold"
            for verdict in missing
        )
        raise KataError(
            f"The capstone trains your own model, so every piece must be right, each on your own earlier ones. "
            f"Not yet done:\n{names}\nNext: nox -s exercises -- {missing[0].id} --prerequisites own"
        )


def train(lessons: curriculum.Curriculum, arguments: argparse.Namespace, console: Console) -> int:
    """Trains, whoever's code it is; the exit status."""
    device = processes.find_device(arguments.device)
    tree = trees.find_tree(ROOT, arguments.tree)
    finder = trees.Trees(lessons, tree, "own")
    finder.install()
    sys.path.insert(0, str(SCRIPTS.parent))
    with processes.together(device) as crew:
        if arguments.fresh and crew.rank == 0 and (aside := record.set_aside(arguments.folder)):
            console.print(f"The old run is now in {_short(aside)}.")
        crew.wait()
        kept = begun(arguments, crew.size)
        if kept.settings.batch_size % crew.size:
            raise KataError(f"{crew.size} processes cannot share a batch of {kept.settings.batch_size} evenly.")
        bound = Bound((arguments.minutes or MINUTES) * 60, arguments.steps)
        if kept.finished and not _is_further(bound, kept):
            console.print("This run is done: --fresh begins a new one, --minutes or --steps with more goes on.\n")
            tell(kept, arguments.folder, console)
            return 0
        if kept.step:
            console.print(f"Going on after step {kept.step}, {kept.seconds:.0f} s into the training.")
        with progress.Screen(console) as screen:
            going = Run(arguments.folder, kept, bound, device, crew, (screen, Pages()))
            try:
                importlib.import_module("capstone.train_gpt").train(text.read(), going)
            except KeyboardInterrupt:
                screen.__exit__()
                console.print(
                    f"\nStopped after step {going.step}. {_again(arguments)} goes on after step {going.record.step}."
                )
                return 1
            except Exception as error:
                if isinstance(error, KataError):
                    raise
                raise KataError(_said(error, tree)) from error
        tell(going.record, arguments.folder, console)
        return 0


class Pages:
    """Draws the page anew after each round."""

    def stepped(self, run: Run) -> None:
        """Nothing to draw."""

    def measured(self, run: Run) -> None:
        """Nothing to draw yet."""

    def sampled(self, run: Run) -> None:
        """Nothing to draw yet."""

    def saved(self, run: Run) -> None:
        """Draws all of it."""
        files.write_atomically(run.folder / PAGE, page.page(run.record))


def begun(arguments: argparse.Namespace, size: int) -> Record:
    """The run in the folder, or a new one. One that was set up otherwise than is asked for now is refused."""
    names = [field.name for field in dataclasses.fields(Settings)]
    asked = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    kept = record.read(arguments.folder)
    if kept is None or not kept.step:
        settings = Settings(**asked)
        if settings.emb_dim % settings.n_heads:
            raise KataError(f"{settings.n_heads} heads cannot share {settings.emb_dim} features evenly.")
        return Record(settings, arguments.tree, arguments.device, size)
    for name, value in asked.items():
        if (had := getattr(kept.settings, name)) != value:
            raise KataError(
                f"The run in {_short(arguments.folder)} has {_option(name)} {had}, not {value}. Leave the option out "
                "to go on with that run; --fresh begins a new one."
            )
    if kept.tree != arguments.tree:
        raise KataError(
            f"The run in {_short(arguments.folder)} trains the code in {kept.tree}. Begin anew with --fresh."
        )
    return dataclasses.replace(kept, device=arguments.device, processes=size)


def tell(kept: Record, folder: Path, console: Console) -> None:
    """What has become of the run."""
    console.print()
    for line in page.summary(kept):
        console.print(line)
    console.print()
    console.print(*curve.table(kept), sep="\n")
    console.print(f"\nThe page, with its curve and everything it wrote: {_short(folder / PAGE)}", soft_wrap=True)


def _is_further(bound: Bound, kept: Record) -> bool:
    return bound.steps > kept.step if bound.steps is not None else bound.seconds > kept.seconds + 1.0


def _again(arguments: argparse.Namespace) -> str:
    options = ["--tree", arguments.tree] if arguments.tree != "exercises" else []
    options += ["--folder", _short(arguments.folder)] if arguments.folder != FOLDER else []
    options += ["--device", arguments.device] if arguments.device != "cpu" else []
    options += ["--processes", str(arguments.processes)] if arguments.processes > 1 else []
    return " ".join(["nox -s capstone", *(["--", *options] if options else [])])


def _said(error: Exception, tree: Path) -> str:
    from kata import wording

    files.write_fault(ROOT, error)
    place = wording.place(error, tree)
    return f"{wording.in_words(error, tree)}{f' It was at {_short(Path(place))}.' if place else ''} See {files.FAULT}."


def _short(path: Path) -> str:
    return os.path.relpath(path, ROOT) if path.is_relative_to(ROOT) else str(path)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _above_zero(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("must be a number above 0")
    return number
