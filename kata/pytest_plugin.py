"""What law files get from pytest: the module under test, GPT-2's tokenizer, and the same grade for the same code.

Loaded by every pytest run in this checkout (see pyproject.toml), also by a plain
`python -m pytest tests/chap3_attention --tree solutions`.
"""

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

import hypothesis.configuration
import pytest
import tiktoken
import torch
from hypothesis import core
from hypothesis.internal.conjecture import providers

from kata import ROOT, by_hand, curriculum, tables, tampering, trees, vocabulary
from kata.laws.calls import RECORDER
from kata.laws.verbs import Submission

hypothesis.settings.register_profile(
    "kata",
    max_examples=25,
    derandomize=True,  # the same code always gets the same grade
    database=None,
    deadline=None,
    print_blob=False,
    report_multiple_bugs=False,
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate, hypothesis.Phase.shrink),
    suppress_health_check=(hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.filter_too_much),
)

hypothesis.settings.register_profile(
    "kata-first-failure",  # enough where only "broken or not" is asked; three times as fast on what is broken
    hypothesis.settings.get_profile("kata"),
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
)

hypothesis.configuration.set_hypothesis_home_dir(ROOT / ".kata" / "hypothesis")
# Hypothesis would draw what occurs in the modules around, whichever these are. Private: it may be gone one day.
if hasattr(providers, "_get_local_constants"):
    providers._get_local_constants = lambda: providers._local_constants
# Hypothesis takes a law's source apart twice in each run, to seed its draws with it; once is enough. Private, too.
if hasattr(core, "function_digest"):
    core.function_digest = functools.cache(core.function_digest)

_watched = functools.cache(RECORDER.watching)  # one for each law, so that its digest is kept

RUN = "kata-run"
CURRICULUM = pytest.StashKey[curriculum.Curriculum]()
TREES = pytest.StashKey[trees.Trees]()
TOOLS = pytest.StashKey[tampering.Tools]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--tree` and `--prerequisites`."""
    group = parser.getgroup("kata")
    group.addoption("--tree", default="exercises", help="exercises (default), solutions, or a path to such a folder")
    group.addoption(
        "--prerequisites",
        default="reference",
        choices=("reference", "own"),
        help="whose earlier exercises the judged one imports: the reference's (default) or the tree's own",
    )
    group.addoption("--first-failure", action="store_true", help="do not look for the smallest case of a failure")


def pytest_configure(config: pytest.Config) -> None:
    """Makes `import chap3_attention.x` mean the tree that was asked for."""
    hypothesis.settings.load_profile("kata-first-failure" if config.getoption("--first-failure") else "kata")
    torch.set_num_threads(1)
    vocabulary.point_tiktoken_here()
    with contextlib.suppress(vocabulary.VocabularyError):  # the laws that need it say so, through `gpt2`
        vocabulary.ensure()
    try:
        # Given by the judge, which has read it already.
        given = getattr(config.pluginmanager.get_plugin(RUN), "curriculum", None)
        config.stash[CURRICULUM] = given or curriculum.load(config.rootpath)
        tree = trees.find_tree(config.rootpath, config.getoption("--tree"))
    except (tables.CurriculumError, trees.TreeError) as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[TREES] = trees.Trees(config.stash[CURRICULUM], tree, config.getoption("--prerequisites"))
    config.stash[TREES].install()
    config.stash[TOOLS] = tampering.Tools()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Gives the import system back."""
    if TREES in config.stash:
        config.stash[TREES].uninstall()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Holds a law against what its card wants written by hand, and keeps the case that breaks it."""
    exercise = _exercise(item.config, item.path)
    if exercise is None:
        return (yield)
    files = item.config.stash[TREES]
    others = [files.file_of(e.module) for e in item.config.stash[CURRICULUM].exercises if e is not exercise]
    with (
        _last_case_kept(item),
        item.config.stash[TOOLS].untouched(),
        by_hand.demanded(exercise, item.name, files.file_of(exercise.module), others),
    ):
        return (yield)


@contextlib.contextmanager
def _last_case_kept(item: pytest.Item) -> Iterator[None]:
    """Hypothesis tries the smallest case again at the end, so the last one that breaks is the one it speaks of."""
    RECORDER.forget(getattr(item, "module", None))
    law = getattr(item, "obj", None)
    handle = getattr(law, "hypothesis", None)
    if handle is None:
        try:
            yield
        except BaseException:
            RECORDER.broken = RECORDER.case
            raise
        return
    inner = handle.inner_test  # meant for plugins to replace
    handle.inner_test = _watched(inner)
    try:
        yield
    finally:
        handle.inner_test = inner


@pytest.fixture(scope="module")
def submission(request: pytest.FixtureRequest) -> Submission:
    """The module that a law file is about, freshly imported from the tree under test."""
    exercise = _exercise(request.config, request.path)
    if exercise is None:
        raise pytest.UsageError(f"{request.path} is no exercise's law file.")
    with request.config.stash[TOOLS].untouched():
        return Submission(request.config.stash[TREES].load(exercise))


def _exercise(config: pytest.Config, law_file: Path) -> curriculum.Exercise | None:
    return next((e for e in config.stash[CURRICULUM].exercises if e.law_file == law_file), None)


@pytest.fixture(scope="session")
def gpt2() -> tiktoken.Encoding:
    """GPT-2's tokenizer; a law that asks for it fails with a sentence where the vocabulary is damaged or missing."""
    vocabulary.ensure()
    return tiktoken.get_encoding("gpt2")


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Iterator[None]:
    """Takes back what a submission may have changed for everybody."""
    torch.default_generator.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
