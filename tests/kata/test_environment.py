"""The one environment: made when missing, renewed when the dependencies changed, never believed when half made."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kata import ROOT, environment

PYPROJECT = """
[project]
name = "small"
version = "0"
dependencies = [{dependencies}]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that depends on nothing, so that setting it up needs no network."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.format(dependencies=""), encoding="utf-8")
    return tmp_path


def state(root: Path) -> dict:
    return json.loads((root / ".venv" / environment.STATE_FILE).read_text(encoding="utf-8"))


def test_a_missing_environment_is_made_and_works(root):
    python = environment.ensure(root)
    assert python == environment.python_of(root / ".venv")
    assert state(root)["state"] == "complete"
    code = "import os, sys; print(sys.prefix); print(*sys.path, sep='\\n'); print(os.environ['TIKTOKEN_CACHE_DIR'])"
    plain = {key: value for key, value in os.environ.items() if key != "TIKTOKEN_CACHE_DIR"}
    (root / "exercises").mkdir()
    lines = subprocess.run([python, "-c", code], env=plain, capture_output=True, text=True).stdout.splitlines()
    assert Path(lines[0]) == root / ".venv"
    assert str(root / "exercises") in lines
    assert lines[-1] == str(root / ".kata" / "tiktoken")


def test_a_complete_environment_is_left_alone(root, capsys):
    environment.ensure(root)
    file = root / ".venv" / environment.STATE_FILE
    before = file.stat().st_mtime_ns
    capsys.readouterr()
    environment.ensure(root)
    assert file.stat().st_mtime_ns == before
    assert capsys.readouterr().out == ""


def test_changed_dependencies_are_installed_without_starting_over(root):
    environment.ensure(root)
    (root / ".venv" / "witness").touch()
    (root / "pyproject.toml").write_text(PYPROJECT.format(dependencies='"pip"'), encoding="utf-8")
    before = state(root)["dependencies"]
    environment.ensure(root)
    assert state(root)["dependencies"] != before
    assert (root / ".venv" / "witness").exists()


def test_a_set_up_that_was_killed_is_done_again_from_the_start(root):
    code = f"from pathlib import Path; from kata import environment; environment.ensure(Path({str(root)!r}))"
    file = root / ".venv" / environment.STATE_FILE
    running = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, start_new_session=True)
    while not file.exists():
        assert running.poll() is None
        time.sleep(0.001)
    if os.name == "nt":
        running.kill()
    else:
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert state(root)["state"] == "unfinished"
    (root / ".venv" / "witness").touch()
    python = environment.ensure(root)
    assert state(root)["state"] == "complete"
    assert not (root / ".venv" / "witness").exists()
    assert subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


def test_a_set_up_that_fails_is_not_believed(root, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    (root / "pyproject.toml").write_text(PYPROJECT.format(dependencies='"no-such-package-at-all"'), encoding="utf-8")
    with pytest.raises(environment.SetupError, match="pip could not install"):
        environment.ensure(root)
    assert state(root)["state"] == "unfinished"


def test_an_environment_of_the_learners_own_is_used_and_never_cleared(root, monkeypatch):
    subprocess.run([sys.executable, "-m", "virtualenv", "-q", str(root / ".venv")], check=True)
    (root / ".venv" / "witness").touch()
    environment.ensure(root)
    assert state(root) | {"adopted": True, "state": "complete"} == state(root)
    (root / ".venv" / environment.STATE_FILE).write_text('{"state": "unfinished", "adopted": true}', encoding="utf-8")
    environment.ensure(root)
    assert state(root)["state"] == "complete"
    assert (root / ".venv" / "witness").exists()


def test_a_folder_that_is_no_environment_is_set_aside(root):
    (root / ".venv").mkdir()
    (root / ".venv" / "precious.txt").write_text("mine", encoding="utf-8")
    environment.ensure(root)
    assert [file.read_text(encoding="utf-8") for file in root.glob(".venv.set-aside-*/precious.txt")] == ["mine"]
    assert state(root)["state"] == "complete"


def test_two_calls_at_once_make_one_environment(root):
    code = f"from pathlib import Path; from kata import environment; environment.ensure(Path({str(root)!r}))"
    both = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(text.count("Set up in") for text in said) == [0, 1]


def test_an_old_python_is_refused_with_a_sentence(root, monkeypatch):
    monkeypatch.setattr(environment, "OLDEST_PYTHON", (99, 0))
    with pytest.raises(environment.SetupError, match=r"needs 99\.0 or newer"):
        environment.ensure(root)
