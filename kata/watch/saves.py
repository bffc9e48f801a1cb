"""Tells which files of a tree have other bytes than before, whichever way an editor writes them."""

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import watchfiles

from kata.trees import LARGEST_FILE

STEP = 10
MOST_STEPS = 50
"""Milliseconds: how often is looked for changes, and how long changes that follow each other are taken together."""
SECONDS_TO_REAPPEAR = 0.2
TIMEOUT = 1000
"""Milliseconds after which it looks even where nothing is told."""
POLLING = "WATCHFILES_FORCE_POLLING"
"""The environment variable that makes it look by itself, where the file system tells nothing (network, containers)."""


class Saves:
    """A thread that calls `tell` with the files (under the tree, in its chapters) whose bytes have changed."""

    def __init__(self, tree: Path, tell: Callable[[set[Path]], None]) -> None:
        self.tree, self.tell = tree, tell
        self.seen = dict(_digests(tree))
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, name="saves", daemon=True)
        self.thread.start()

    def look(self) -> None:
        """Tells what has changed since the last look."""
        now = dict(_digests(self.tree))
        if gone := self.seen.keys() - now.keys():
            # An editor may move the old file away before it puts the new one there.
            self.stop.wait(SECONDS_TO_REAPPEAR)
            now = dict(_digests(self.tree))
            gone = self.seen.keys() - now.keys()
        changed = {file for file, digest in now.items() if self.seen.get(file) != digest} | gone
        self.seen = now
        if changed:
            self.tell(changed)

    def close(self) -> None:
        """Ends the thread."""
        self.stop.set()
        self.thread.join(2)

    def _run(self) -> None:
        while not self.stop.is_set():
            folder = _identity(self.tree)
            with contextlib.suppress(OSError):  # the folder may be gone for a while
                for _ in watchfiles.watch(
                    self.tree,
                    watch_filter=None,
                    step=STEP,
                    debounce=MOST_STEPS,
                    stop_event=self.stop,
                    rust_timeout=TIMEOUT,
                    yield_on_timeout=True,
                    raise_interrupt=False,
                ):
                    self.look()
                    if _identity(self.tree) != folder:  # another of that name: what is watched is not it
                        break
            self.stop.wait(SECONDS_TO_REAPPEAR)
            self.look()


def _digests(tree: Path) -> Iterator[tuple[Path, bytes]]:
    for file in (file for folder in _entries(tree) for file in _entries(folder) if file.suffix == ".py"):
        try:
            if file.is_file():
                found = file.stat()
                known = f"{found.st_size} {found.st_mtime_ns}" if found.st_size > LARGEST_FILE else file.read_bytes()
                yield file, hashlib.sha256(known.encode() if isinstance(known, str) else known).digest()
        except OSError:
            continue


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # no folder, or no longer
        return []


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
