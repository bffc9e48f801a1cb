"""The one virtual environment, `.venv`: made when missing, renewed when the dependencies changed, else left alone.

Runs in the Python that runs nox, before anything is installed: standard library only.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from kata import KataError

OLDEST_PYTHON = (3, 11)
STATE_FILE = "kata-setup.json"
DEPENDENCY_GROUPS = ("dev",)
DATA_ONLY_GROUP = "vocabulary"


class SetupError(KataError):
    """Set-up cannot go on; the message says what is wrong and what to do."""


def python_of(venv: Path) -> Path:
    """The interpreter inside a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def ensure(root: Path) -> Path:
    """Makes sure that `root/.venv` holds what `root/pyproject.toml` asks for; returns its interpreter.

    The state file says "unfinished" from before the first change until after the last one, so an interrupted
    set-up is seen as such, and done again from the start.
    """
    venv = root / ".venv"
    wanted = _fingerprint(root)
    if _is_complete(venv, wanted):
        return python_of(venv)
    if sys.version_info < OLDEST_PYTHON:
        raise SetupError(
            f"This nox runs on Python {sys.version.split()[0]}; the kata needs "
            f"{'.'.join(map(str, OLDEST_PYTHON))} or newer. Install nox with a newer Python and call it again."
        )
    with _one_at_a_time(root):
        if not _is_complete(venv, wanted):  # another call may have finished while this one waited
            _set_up(root, venv, wanted)
    return python_of(venv)


def _is_complete(venv: Path, wanted: str) -> bool:
    state = _read_state(venv)
    return python_of(venv).exists() and state.get("state") == "complete" and state.get("dependencies") == wanted


def _set_up(root: Path, venv: Path, wanted: str) -> None:
    started = time.monotonic()
    print(f"Setting up {venv} (once; about 1 GB, a minute or a few) ...", flush=True)
    adopted, again = _prepare(venv)
    python = python_of(venv)
    _write_state(venv, {"state": "unfinished", "adopted": adopted})
    project = _pyproject(root)
    groups = project.get("dependency-groups", {})
    requirements = project["project"]["dependencies"] + [r for g in DEPENDENCY_GROUPS for r in groups.get(g, [])]
    force = ["--force-reinstall"] if again else []  # a half-copied package looks installed to pip
    _pip(python, requirements, *force)
    _pip(python, groups.get(DATA_ONLY_GROUP, []), *force, "--no-deps")
    _write_path_file(root, python)
    _write_state(venv, {"state": "complete", "dependencies": wanted, "adopted": adopted})
    print(f"Set up in {time.monotonic() - started:.0f} s.", flush=True)


def _prepare(venv: Path) -> tuple[bool, bool]:
    """Leaves a virtual environment with a working pip at `venv`.

    Returns (adopted, again): whether somebody else made it (then it is never cleared), and whether packages in it
    may be half installed.
    """
    state = _read_state(venv)
    unfinished = state.get("state") == "unfinished"
    running_inside = Path(sys.prefix).resolve() == venv.resolve()
    adopted = running_inside or bool(state.get("adopted")) or (not state and python_of(venv).exists())
    if adopted and python_of(venv).exists():
        _check_version(venv)
        return True, unfinished
    if state.get("state") == "complete" and python_of(venv).exists():
        return False, False  # only the dependencies changed
    if venv.exists() and not state and any(venv.iterdir()):
        aside = venv.with_name(f".venv.set-aside-{time.strftime('%Y%m%d-%H%M%S')}")
        venv.rename(aside)
        print(f"{venv} held no working Python; it is now {aside}.", flush=True)
    shutil.rmtree(venv, ignore_errors=True)
    venv.mkdir(parents=True)
    _write_state(venv, {"state": "unfinished", "adopted": False})
    # virtualenv comes with nox and brings its own pip; the standard library's venv lacks one on some systems.
    _run([sys.executable, "-m", "virtualenv", "--quiet", str(venv)], "virtualenv could not make .venv")
    return False, False


def _check_version(venv: Path) -> None:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    found = subprocess.run([python_of(venv), "-c", code], capture_output=True, text=True).stdout.strip()
    if not found or tuple(map(int, found.split("."))) < OLDEST_PYTHON:
        raise SetupError(
            f"{venv} runs Python {found or '(none that starts)'}; the kata needs "
            f"{'.'.join(map(str, OLDEST_PYTHON))} or newer. Move that folder away and call nox again."
        )


def _pip(python: Path, requirements: list[str], *options: str) -> None:
    if not requirements:
        return
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *quiet, *options, *requirements]
    _run(command, "pip could not install the kata's dependencies")


def _run(command: list[str], failure: str) -> None:
    if subprocess.run(command).returncode != 0:
        raise SetupError(f"{failure}; the lines above say why. Mend that and call nox again: it starts afresh.")


def _write_path_file(root: Path, python: Path) -> None:
    """Lets an editor and a plain Python prompt find the learner's modules and GPT-2's vocabulary."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip())
    cache = root / ".kata" / "tiktoken"
    lines = [
        str(root / "exercises"),
        str(root),
        f"import os; os.environ.setdefault('TIKTOKEN_CACHE_DIR', {str(cache)!r})",
    ]
    (packages / "kata.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def _fingerprint(root: Path) -> str:
    """Changes when what is to be installed changes, and when the checkout has moved (`.venv` names its own place)."""
    project = _pyproject(root)
    asked = [project["project"]["dependencies"], project.get("dependency-groups", {}), str(root)]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _read_state(venv: Path) -> dict[str, Any]:
    try:
        state = json.loads((venv / STATE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        return {"state": "unfinished", "adopted": False}
    return state if isinstance(state, dict) else {}


def _write_state(venv: Path, state: dict[str, Any]) -> None:
    partial = venv / (STATE_FILE + ".partial")
    partial.write_text(json.dumps(state), encoding="utf-8")
    partial.replace(venv / STATE_FILE)


def _one_at_a_time(root: Path) -> AbstractContextManager[Any]:
    from filelock import FileLock  # comes with nox, through virtualenv

    (root / ".kata").mkdir(exist_ok=True)
    return FileLock(root / ".kata" / "setup.lock")
