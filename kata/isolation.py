"""What a stranger's submission may touch: its own tree and Python to read, one folder of its own to write."""

import os
import sys
import tempfile
from pathlib import Path

from kata import confinement, vocabulary
from kata.curriculum import Curriculum

SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", "/sys", "/dev", "/opt", "/nix")


def promise() -> str:
    """What this machine can do, for the verdict's environment."""
    version = confinement.version()
    if not version:
        return "none: this system has no Landlock"
    kept = ["no solutions, no writing outside its own folder"]
    kept += ["no TCP"] if version >= 4 else []
    kept += ["no signals to others"] if version >= 6 else []
    return f"Landlock {version}: {', '.join(kept)}"


def isolate(curriculum: Curriculum, tree: Path, folder: Path) -> bool:
    """Shuts this process in; returns whether the reference solutions are really out of its reach now."""
    root = curriculum.root
    own = [root / "kata", root / "tests", root / "pyproject.toml", vocabulary.folder(), tree]
    python = [Path(sys.prefix), Path(sys.base_prefix)]
    # Other folders that Python imports from; the root itself holds the solutions.
    python += [Path(entry) for entry in sys.path if entry and root not in (Path(entry), *Path(entry).parents)]
    python = [path for path in python if path not in (root, *root.parents)]
    os.chdir(folder)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        confinement.confine([*map(Path, SYSTEM), *python, *own], [folder, Path(os.devnull)], [root])
    except confinement.NotConfined:
        return False
    return not any(_readable(root / "solutions" / exercise.path) for exercise in curriculum.exercises)


def _readable(file: Path) -> bool:
    try:
        file.open("rb").close()
    except OSError:
        return False
    return True
