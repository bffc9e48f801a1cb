"""The speeds and sizes that the README quotes, measured on this machine.

python -m benchmarks.speed
"""

import os
import platform
import subprocess
import sys
import time

from benchmarks import bpe_speed, judging, training, watching
from kata import ROOT

ROUNDS = 3


def main() -> None:
    """Measures and prints."""
    print(f"machine: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    size = sum(file.lstat().st_size for file in (ROOT / ".venv").rglob("*") if not file.is_dir())
    print(f".venv: {size / 1e9:.2f} GB")
    print(f"python -m kata solutions: {median_seconds('solutions'):.1f} s (the median of {ROUNDS})")
    watching.main()
    judging.main()
    bpe_speed.main()
    training.main()


def median_seconds(command: str) -> float:
    """How long one of the judge's commands takes, as a whole process."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "kata", command], cwd=ROOT, capture_output=True)
        times.append(time.perf_counter() - start)
    return sorted(times)[ROUNDS // 2]


if __name__ == "__main__":
    main()
