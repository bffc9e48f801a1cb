"""A real terminal, for tests and benchmarks: a program runs in it, keys are typed, the screen is read."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pexpect
import pyte

SECONDS = 60.0
UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[P_\]][^\x07\x1b]*)?$")
# What pyte does not know, and would show: questions about the terminal, its keyboard, links.
UNKNOWN = re.compile(
    rb"\x1b\[[<>=][0-?]*[ -/]*[@-~]|\x1b\[\?[0-9;]*\$p|\x1b[P_][^\x1b]*\x1b\\|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
)
KEYS = {"up": "\x1b[A", "down": "\x1b[B", "enter": "\r", "escape": "\x1b", "ctrl+c": "\x03", "ctrl+z": "\x1a"}


class Terminal:
    """A program in a terminal of its own."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        width: int = 80,
        height: int = 24,
    ) -> None:
        self.child = pexpect.spawn(
            command[0],
            list(command[1:]),
            cwd=str(folder),
            env={
                **{name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")},
                "TERM": "xterm-256color",
                "COLORTERM": "",
            },
            dimensions=(height, width),
            timeout=SECONDS,
        )
        self.child.delaybeforesend = None
        self.screen = pyte.Screen(width, height)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.waiting = b""

    @property
    def lines(self) -> list[str]:
        """What the screen shows."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        """What the screen shows, as one text."""
        return "\n".join(self.lines)

    def read(self, seconds: float) -> bool:
        """Takes in what is written within so many seconds; returns at the first piece, and whether there was any."""
        try:
            data = self.child.read_nonblocking(65536, seconds)
        except pexpect.TIMEOUT:
            return False
        self.raw += data
        self.waiting += data
        unfinished = UNFINISHED.search(self.waiting)
        whole = self.waiting[: unfinished.start()] if unfinished else self.waiting
        self.waiting = self.waiting[len(whole) :]
        self.stream.feed(UNKNOWN.sub(b"", whole))
        return True

    def until(self, holds: str | Callable[[str], bool], seconds: float = SECONDS) -> float:
        """Waits until the screen shows a text, or until something holds of it; returns when that was (monotonic)."""
        test = (lambda text: holds in text) if isinstance(holds, str) else holds
        end = time.monotonic() + seconds
        while not test(self.text):
            left = end - time.monotonic()
            try:
                if left <= 0 or not self.read(left):
                    raise AssertionError(f"{holds!r} was not to be seen within {seconds} s, but\n{self.text}")
            except pexpect.EOF:
                raise AssertionError(f"The program ended; {holds!r} was not to be seen, but\n{self.text}") from None
        return time.monotonic()

    def press(self, *keys: str) -> None:
        """Types keys."""
        for key in keys:
            self.child.send(KEYS.get(key, key))

    def resize(self, width: int, height: int) -> None:
        """Makes the terminal larger or smaller."""
        self.screen.resize(height, width)
        self.child.setwinsize(height, width)

    def end(self, seconds: float = SECONDS) -> int | None:
        """Waits for the program's end; returns its exit status, or minus the number of the signal that ended it."""
        stop = time.monotonic() + seconds
        while time.monotonic() < stop:
            try:
                self.read(0.2)
            except pexpect.EOF:
                break
        self.child.close(force=True)
        return -self.child.signalstatus if self.child.signalstatus else self.child.exitstatus
