"""How long grading takes, from scratch and with nothing changed, and how much memory it holds meanwhile.

python -m benchmarks.judging
"""

import contextlib
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil

from kata import ROOT

ROUNDS = 3


@dataclass
class Measured:
    """Seconds, and the most bytes seen: the server's, and those of one worker that it shares with nobody."""

    seconds: float = 0.0
    server: int = 0
    worker: int = 0


def main() -> None:
    """Measures and prints."""
    grade = [sys.executable, "-m", "kata", "grade", "--tree", "solutions"]
    scratch = [*grade, "--no-cache"]
    print(f"grading all solutions from scratch: {median_seconds(scratch):.1f} s (the median of {ROUNDS})")
    measure(grade)  # fills the cache
    print(f"grading them again, nothing changed: {median_seconds(grade):.2f} s (the median of {ROUNDS})")
    stubs = [sys.executable, "-m", "kata", "grade", "--no-cache"]
    print(f"grading untouched stubs from scratch: {median_seconds(stubs):.1f} s (the median of {ROUNDS})")
    held = measure(scratch, look=True)  # by itself: looking costs time
    print(f"the server held {held.server / 1e6:.0f} MB, a worker up to {held.worker / 1e6:.0f} MB of its own")


def median_seconds(command: list[str]) -> float:
    """How long a command takes, as a whole process."""
    return sorted(measure(command).seconds for _ in range(ROUNDS))[ROUNDS // 2]


def measure(command: list[str], look: bool = False) -> Measured:
    """Runs a command; looks at its processes now and then."""
    measured = Measured()
    start = time.perf_counter()
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    while running.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(0.25 if look else None)
        if look:
            _look(running.pid, measured)
    measured.seconds = time.perf_counter() - start
    return measured


def _look(pid: int, measured: Measured) -> None:
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children():
            with contextlib.suppress(psutil.Error):
                measured.server = max(measured.server, child.memory_info().rss)
                for worker in child.children(recursive=True):
                    measured.worker = max(measured.worker, worker.memory_full_info().uss)


if __name__ == "__main__":
    main()
