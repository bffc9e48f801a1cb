"""Runs the laws of one exercise in a process of its own, and reports each law as it ends.

The process is forked from a server that has imported everything (`kata.preload`), or spawned where forking is not
safe. It is fresh, so whatever the submission does to its interpreter is gone with it.
"""

import contextlib
import faulthandler
import json
import multiprocessing.forkserver
import os
import signal
import sys
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from kata import limits
from kata.curriculum import Curriculum
from kata.listener import Listener
from kata.verdict import ExerciseVerdict, LawVerdict

ASK_WHERE = getattr(signal, "SIGUSR1", 0)


@dataclass(frozen=True)
class Request:
    """What one worker is to do.

    `laws` are those to judge, by their ids, `folder` is the worker's own, `confined` whether the submission may touch
    nothing else.
    """

    curriculum: Curriculum
    exercise: str
    tree: Path
    prerequisites: str
    folder: Path
    output: Path
    where: Path
    laws: tuple[str, ...]
    memory: int
    confined: bool


def main(request: Request, channel: Connection) -> None:
    """Judges, and leaves without asking the submission: no exit handler of its runs, no thread of its is waited for.

    The judging is done by a child of this process, where there is such a thing: a submission that ends its parent ends
    nobody but itself.
    """
    leave_server()
    if hasattr(os, "fork"):
        os.setsid()
        limits.die_with_parent()
        child = os.fork()
        if child:
            channel.close()
            _end_like(child)
        limits.die_with_parent()
    send_output_to(request.output)
    _say_where(request.where)
    Reporter(request, channel).judge()
    os._exit(0)


def leave_server() -> None:
    """Closes what would keep the fork server alive after a judge that was killed, and so this process with it.

    A forked process inherits the server's own life line, to start further processes through it, which none of ours do.
    """
    server = getattr(multiprocessing.forkserver, "_forkserver", None)
    line = getattr(server, "_forkserver_alive_fd", None)
    if line is not None:
        os.close(line)
        server._forkserver_alive_fd = None  # type: ignore[union-attr]


def _end_like(child: int) -> NoReturn:
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status < 0:
        limits.leave_no_core()
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def send_output_to(file: Path) -> None:
    """Standard output and error, of this process and its children, go to a file; standard input is empty."""
    output = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    # Fresh streams: a fork server's own may hold text that was never written, and would be written here.
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)


def _say_where(file: Path) -> None:
    """Lets Python write into a file which lines were running, when it crashes or is asked to by a signal."""
    where = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    faulthandler.enable(where, all_threads=False)
    if hasattr(faulthandler, "register"):
        faulthandler.register(ASK_WHERE, where, all_threads=False)


class Reporter(Listener):
    """Sends a JSON object for the beginning and the end of each law, one when all are judged, and what was observed."""

    def __init__(self, request: Request, channel: Connection) -> None:
        self.request = request
        self.channel = channel

    def judge(self) -> None:
        import kata.preload  # noqa: F401  a spawned worker imports everything only now
        from kata import run

        request = self.request
        exercise = request.curriculum.exercise(request.exercise)
        try:
            run.judge(
                request.curriculum,
                exercise,
                request.tree,
                request.prerequisites,
                skip={law.id for law in exercise.laws}.difference(request.laws),
                listener=self,
                capture=False,
            )
        except run.Stopped as stopped:
            self._send(stopped=f"The code stopped the judge itself, {stopped}.")
        except run.JudgeError as error:
            self._send(broken=str(error))

    def ready(self) -> None:
        from kata import preload

        preload.self_test()
        confined = False
        if self.request.confined:
            from kata import isolation

            confined = isolation.isolate(self.request.curriculum, self.request.tree, self.request.folder)
        limits.apply(self.request.memory)
        self._send(ready=True, confined=confined)

    def begin(self, law: str) -> None:
        self._send(begin=law)

    def end(self, law: LawVerdict) -> None:
        printed = 0
        with contextlib.suppress(OSError, ValueError):  # the submission may have closed them
            sys.stdout.flush()
            sys.stderr.flush()
        with contextlib.suppress(OSError):
            printed = os.lseek(1, 0, os.SEEK_END)
        self._send(end=asdict(law), printed=printed)

    def judged(self, verdict: ExerciseVerdict) -> None:
        self._send(done={"status": verdict.status, "message": verdict.message})

    def observed(self, outcomes: list[object]) -> None:
        self._send(observed=outcomes)

    def _send(self, **event: object) -> None:
        self.channel.send_bytes(json.dumps(event).encode())
