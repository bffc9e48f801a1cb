"""What a worker may use, and the end of those that use more, with all their descendants."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SECONDS = 20.0
MEMORY = 1024**3
PROCESSES = 64
OUTPUT = 1_000_000
FILE_SIZE = 16 * 1024**2
SECONDS_BETWEEN_LOOKS = 0.1
HAS_CHILDREN_FILES = Path(f"/proc/self/task/{os.getpid()}/children").exists()
"""Linux mostly has them; where not, psutil reads the whole list of processes, which is slow."""
SET_PARENT_DEATH_SIGNAL, SET_CHILD_SUBREAPER = 1, 36


def apply(memory: int) -> None:
    """Limits this process, where the system can: more memory becomes an ordinary MemoryError or RuntimeError."""
    if not sys.platform.startswith("linux"):
        return
    import resource

    now = _data_bytes()
    resource.setrlimit(resource.RLIMIT_DATA, (now + memory, now + memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
    leave_no_core()


def leave_no_core() -> None:
    """A crash of this process, or of one that it starts, writes no memory image to the disk."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_with_parent() -> None:
    """The kernel ends this process when its parent ends, however that comes. Only on Linux."""
    _prctl(SET_PARENT_DEATH_SIGNAL, 9)


def _prctl(option: int, value: int) -> None:
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


class Orphans:
    """Processes that a submission left behind on purpose, by a double fork: they become this process's children.

    Made once the server that workers are forked from runs, and before any worker does: whatever child appears later
    is an orphan. Only on Linux; elsewhere nothing is found.
    """

    def __init__(self) -> None:
        self.ours: set[int] | None = None
        if sys.platform.startswith("linux"):
            _prctl(SET_CHILD_SUBREAPER, 1)
            self.ours = {child.pid for child in children(os.getpid())}

    def end(self, workers: Collection[int]) -> None:
        """Kills those there are, and what they started, but for the workers of now."""
        if self.ours is None:
            return
        for child in children(os.getpid()):
            if child.pid not in self.ours and child.pid not in workers:
                Watched(child.pid).end()
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(child.pid, 0)


@dataclass
class Watched:
    """A worker's process tree, measured from outside."""

    pid: int
    base: int = 0
    tasks: int = 0
    looked: float = 0.0
    known: dict[int, psutil.Process] = field(default_factory=dict)

    def begin(self) -> None:
        """Takes what the worker uses now as its start."""
        for process in self._tree():
            with contextlib.suppress(psutil.Error):
                self.base = max(self.base, process.memory_info().rss)
                self.tasks += process.num_threads()

    def excess(self) -> str | None:
        """What the tree uses too much of, as a sentence; None while all is well, or was a moment ago."""
        if time.monotonic() - self.looked < SECONDS_BETWEEN_LOOKS:
            return None
        self.looked = time.monotonic()
        memory = tasks = 0
        for process in self._tree():
            with contextlib.suppress(psutil.Error):
                # Forked children share the start's memory with the worker, so it counts for none of them.
                memory += max(0, process.memory_info().rss - self.base)
                tasks += process.num_threads()
        if memory > MEMORY:
            return f"It used more than {MEMORY // 1024**3} GiB of memory."
        if tasks > PROCESSES + self.tasks:
            return f"It started more than {PROCESSES} processes and threads."
        return None

    def ask(self, number: int, answer: Path, seconds: float = 0.5) -> None:
        """Sends a signal to the worker's own child, the one that judges, and waits a moment for it to write a file."""
        for process in children(self.pid) if number else []:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
                asked = time.monotonic()
                while answer.stat().st_size == 0 and time.monotonic() - asked < seconds:
                    time.sleep(0.01)

    def end(self) -> None:
        """Kills the tree, and does not return before it is gone."""
        for _ in range(100):  # what is killed may have forked meanwhile
            tree = [process for process in self._tree() if _alive(process)]
            if not tree:
                return
            for process in tree:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            if hasattr(os, "killpg"):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
            psutil.wait_procs(tree, timeout=0.1)

    def _tree(self) -> list[psutil.Process]:
        """The worker and every descendant ever seen: one that was orphaned is still in the list."""
        with contextlib.suppress(psutil.Error):
            self.known.setdefault(self.pid, psutil.Process(self.pid))
        waiting = [self.pid]
        while waiting:
            for child in children(waiting.pop()):
                self.known.setdefault(child.pid, child)
                waiting.append(child.pid)
        return [process for process in self.known.values() if process.is_running()]


def children(pid: int) -> list[psutil.Process]:
    """The processes that a process, by any of its threads, has started and that are still its children."""
    found: list[psutil.Process] = []
    with contextlib.suppress(OSError, psutil.Error):  # it may end while its threads are being listed
        if not HAS_CHILDREN_FILES:
            return list(psutil.Process(pid).children())
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError, psutil.Error):
                found += [psutil.Process(int(child)) for child in file.read_text().split()]
    return found


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _data_bytes() -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        line = next(line for line in status if line.startswith("VmData"))
    return int(line.split()[1]) * 1024
