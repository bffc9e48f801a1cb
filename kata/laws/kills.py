"""Kills a call that writes files, at any moment that matters, to see what it leaves behind.

Nothing changes in the file system between two changes to it. So a call is killed right before each of its changes that
Python knows of (a file opened to be written, renamed, removed), and within what is written after each. That needs a
process of its own, and so `os.fork`; where there is none, the call is broken off by an exception instead, before its
changes only.
"""

import contextlib
import errno
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

IN_WORDS = {
    "open": "opens a file for writing",
    "os.rename": "renames a file",
    "os.remove": "removes a file",
    "os.rmdir": "removes a folder",
    "os.mkdir": "makes a folder",
    "os.truncate": "cuts a file",
    "os.link": "links a file",
    "os.symlink": "links a file",
    "os.chmod": "changes the rights of a file",
}
"""The changes that Python's audit hooks hear of, by event."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
MOST_CHANGES = 30

Ending = Literal["killed", "ended", "raised"]
Listener = Callable[[str, tuple[Any, ...]], None]


class BrokenOff(BaseException):
    """What breaks a call off where it cannot be killed."""


@dataclass
class Kill:
    """Before the change with this number; or, with `size`, when a file grows beyond so many bytes after the one before.

    `ending` is what came of the call; `said` the change that it was killed at, or the error that it raised.
    """

    number: int
    size: int | None = None
    ending: Ending = "ended"
    said: str = ""

    def __str__(self) -> str:
        """When it was killed, to be read after "killed"."""
        if self.size is None:
            return f"right before it {IN_WORDS[self.said]}" if self.said in IN_WORDS else "before it changes a file"
        return f"after {self.size:,} bytes of a file" if self.size else "before the first byte of a file"


def every_kill(call: Callable[[], Any], home: Path, sizes: tuple[int, ...]) -> Iterator[Kill]:
    """Runs a call again and again, killed at another moment each time, and in the end not at all; yields each run.

    Args:
        call: writes files.
        home: where it is to write. A file outside it cannot be renamed into it, as is so between two file systems.
        sizes: how far a file may grow, in bytes, before its writer is killed.
    """
    for number in range(MOST_CHANGES):
        for size in sizes if hasattr(os, "fork") else ():
            yield _done(call, Kill(number, size), home)
        kill = _done(call, Kill(number), home)
        yield kill
        if kill.ending != "killed":
            return


def _done(call: Callable[[], Any], kill: Kill, home: Path) -> Kill:
    if not hasattr(os, "fork"):
        return _broken_off(call, kill, home)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            _run(call, kill, home, writing)
        finally:
            os._exit(2)
    os.close(writing)
    with open(reading, "rb") as said:
        kill.said = said.read().decode(errors="replace")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    kill.ending = "ended" if status == 0 else "killed" if status < 0 else "raised"
    return kill


def _run(call: Callable[[], Any], kill: Kill, home: Path, writing: int) -> None:
    """In the child: makes the call, and does not return."""
    import resource
    import signal

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores what comes of a file that grows too large
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

    def reached(what: str) -> None:
        if kill.size is None:
            os.write(writing, what.encode())
            os.kill(os.getpid(), signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kill.size or 0, hard))

    if kill.number == 0 and kill.size is not None:
        reached("")
    try:
        with _heard(_counter(kill, reached)), _heard(_border(home)):
            call()
    except BaseException as error:
        os.write(writing, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    os._exit(0)


def _broken_off(call: Callable[[], Any], kill: Kill, home: Path) -> Kill:
    def reached(what: str) -> None:
        kill.said = what
        raise BrokenOff

    try:
        with _heard(_counter(kill, reached)), _heard(_border(home)):
            call()
    except BrokenOff:
        kill.ending = "killed"
    except Exception as error:
        kill.ending, kill.said = "raised", f"{type(error).__name__}: {error}"
    return kill


def habits(call: Callable[[], Any], path: Path) -> list[str]:
    """How a call replaces the file at `path`, as far as one run shows that is not killed. Renaming shows as nothing.

    Cheap, for a probe: it tells ways of writing apart, and proves none of them safe.
    """
    found, renamed, inode = set(), [], path.stat().st_ino

    def listener(event: str, arguments: tuple[Any, ...]) -> None:
        if not path.exists():
            found.add("the old file is gone before the new one comes")
        if event == "open" and _absolute(arguments[0]) != path:
            found.add("another file is written")
        if event == "os.rename" and _absolute(arguments[1]) == path:
            renamed.append(os.path.getsize(arguments[0]))

    try:
        with _heard(listener), _heard(_border(path.parent)):
            call()
    except OSError as error:
        return [f"raises {errno.errorcode.get(error.errno or 0, 'OSError')}"]
    if path.stat().st_ino == inode:
        found.add("the old file is written over")
    elif renamed and renamed[-1] < path.stat().st_size:
        found.add("the file is renamed before it is whole")
    return sorted(found if "the old file is written over" in found else found - {"another file is written"})


def _counter(kill: Kill, reached: Callable[[str], None]) -> Listener:
    """Counts changes to files, and says when the chosen one is reached."""
    numbers = itertools.count()

    def listener(event: str, _: tuple[Any, ...]) -> None:
        if next(numbers) == kill.number - (kill.size is not None):
            reached(event)

    return listener


def _border(home: Path) -> Listener:
    """Lets no file be renamed into `home` from outside."""

    def listener(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename":
            outside = [not _absolute(path).is_relative_to(home) for path in arguments[:2]]
            if outside == [True, False]:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(arguments[0]))

    return listener


_LISTENERS: list[Listener] = []
_HOOKS: list[Listener] = []


@contextlib.contextmanager
def _heard(listener: Listener) -> Iterator[None]:
    """Within the block, the listener hears of every change to a file before it is made."""
    if _hear not in _HOOKS:
        _HOOKS.append(_hear)
        sys.addaudithook(_hear)  # it cannot be taken off again
    _LISTENERS.append(listener)
    try:
        yield
    finally:
        _LISTENERS.remove(listener)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _LISTENERS and event in IN_WORDS and (event != "open" or _writes(arguments)):
        for listener in _LISTENERS:
            listener(event, arguments)


def _writes(arguments: tuple[Any, ...]) -> bool:
    return not isinstance(arguments[0], int) and bool(arguments[2] & WRITES)


def _absolute(path: Any) -> Path:
    return Path(os.path.abspath(os.fsdecode(path)))
