"""GPT-2's vocabulary works without a network; damaged or missing, it is mended or named, and only its own laws fail."""

import json
from pathlib import Path

import pytest

from kata import vocabulary

LAWS = '''"""Laws, one of which needs GPT-2's vocabulary."""


def test_gpt2_knows_hello(submission, gpt2):
    """GPT-2 knows hello."""
    assert submission.double(gpt2.encode("hello world")[1]) == 2 * 995


def test_nothing_doubled_is_nothing(submission):
    """Nothing doubled is nothing."""
    assert submission.double(0) == 0
'''


@pytest.fixture
def project_with_gpt2(stubbed):
    stubbed.write("tests/chap1_numbers/test_double.py", LAWS)
    return stubbed


def judge(project, **environment):
    """Statuses and messages of the two laws."""
    done = project.kata("grade", "double", "--tree", "solutions", "--json", "verdict.json", **environment)
    laws = json.loads(project.read("verdict.json"))["exercises"][0]["laws"]
    return done, [law["status"] for law in laws], laws[0]["message"]


def package(folder: Path, damage: bool) -> Path:
    """A package in front of the real one, whose vocabulary files are damaged or not there."""
    data = folder / vocabulary.PACKAGE / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").touch()
    if damage:
        for name in vocabulary.FILES:
            (data / name).write_text("not this", encoding="utf-8")
    return folder


def test_it_works_from_nothing(project_with_gpt2, tmp_path):
    _, statuses, _ = judge(project_with_gpt2, TIKTOKEN_CACHE_DIR=str(tmp_path / "cache"))
    assert statuses == ["passed", "passed"]


def test_a_damaged_cache_is_mended_without_a_word(project_with_gpt2, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    for cached_name, _ in vocabulary.FILES.values():
        (cache / cached_name).write_text("damaged", encoding="utf-8")
    _, statuses, _ = judge(project_with_gpt2, TIKTOKEN_CACHE_DIR=str(cache))
    assert statuses == ["passed", "passed"]


@pytest.mark.parametrize(("damage", "word"), [(True, "damaged"), (False, "missing")])
def test_what_cannot_be_mended_is_named_and_fails_only_the_laws_that_need_it(project_with_gpt2, tmp_path, damage, word):
    folder = package(tmp_path / "front", damage)
    environment = {"TIKTOKEN_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(folder)}
    done, statuses, message = judge(project_with_gpt2, **environment)
    assert done.returncode == 1
    assert statuses == ["failed", "passed"]
    assert f"GPT-2's vocabulary is {word}" in message
    assert "Delete the folder .venv" in message
    assert f"GPT-2's vocabulary is {word}" in " ".join(done.stdout.split())
