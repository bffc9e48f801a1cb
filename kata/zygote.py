"""A process that has collected the laws of one exercise, has tried them on the solution, and forks workers from itself.

What takes most of a cold start (imports, collection, everything that libraries do at first use) lies behind a worker
forked here. It looks like a multiprocessing context, so a `Job` can be given one. Only where forking is safe.
"""

import contextlib
import gc
import json
import os
import pickle
import selectors
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing import reduction
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from kata import limits, worker
from kata.curriculum import Curriculum, Exercise

SECONDS_TO_BE_BORN = 2.0
FEW = 0.12
"""Which share of a law's usual cases a worker from here draws."""


class Zygote:
    """The process, seen from outside. `wake` is set whenever it has something to say."""

    def __init__(
        self,
        context: BaseContext,
        curriculum: Curriculum,
        exercise: Exercise,
        tree: Path,
        prerequisites: str,
        wake: threading.Event,
    ) -> None:
        self.context = context
        self.wake = wake
        self.is_ready = False
        self.ended: dict[int, int] = {}
        self.born: dict[int, int] = {}
        self.news = threading.Condition()
        self.control, theirs = context.Pipe(duplex=True)
        arguments = (curriculum, exercise.id, tree, prerequisites, theirs)
        self.process = context.Process(target=main, args=arguments, daemon=True)  # type: ignore[attr-defined]
        self.process.start()
        theirs.close()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    @property
    def is_alive(self) -> bool:
        """Whether workers can be had from it, now or soon."""
        return self.reader.is_alive()

    def get_start_method(self) -> str:
        """How workers come to be: what a multiprocessing context says, too."""
        return "zygote"

    def Pipe(self, duplex: bool = True) -> tuple[Connection, Connection]:
        """A pipe, one end of which a worker can be given."""
        return self.context.Pipe(duplex)

    def Process(self, target: Callable[..., None], args: Sequence[Any], daemon: bool) -> "Forked":
        """A worker, to be started; whatever the `target`, what it does is to judge."""
        return Forked(self, *args)

    def end(self) -> None:
        """Ends the process, and so all that come from it."""
        self.process.kill()
        self.process.join(5)
        self.reader.join(1)
        self.control.close()

    def _read(self) -> None:
        with contextlib.suppress(EOFError, OSError, ValueError):
            while True:
                said = json.loads(self.control.recv_bytes())
                with self.news:
                    match said:
                        case {"ready": True}:
                            self.is_ready = True
                        case {"born": number, "pid": pid}:
                            self.ended.pop(pid, None)  # of an earlier process that had the same number
                            self.born[number] = pid
                        case {"ended": pid, "status": status}:
                            self.ended[pid] = status
                    self.news.notify_all()
                self.wake.set()
        with self.news:
            self.news.notify_all()
        self.wake.set()


class Forked:
    """One worker: what a Job asks of a multiprocessing process."""

    last = 0

    def __init__(self, zygote: Zygote, request: worker.Request, channel: Connection) -> None:
        self.zygote, self.request, self.channel = zygote, request, channel
        self.pid = 0
        Forked.last += 1
        self.number = Forked.last

    def start(self) -> None:
        """Forks it; returns once it is there. Raises OSError where it cannot be had."""
        zygote = self.zygote
        # The curriculum is large, and there already.
        zygote.control.send_bytes(pickle.dumps((self.number, replace(self.request, curriculum=None))))  # type: ignore[arg-type]
        reduction.send_handle(zygote.control, self.channel.fileno(), zygote.process.pid)
        with zygote.news:
            zygote.news.wait_for(lambda: self.number in zygote.born or not zygote.is_alive, SECONDS_TO_BE_BORN)
        if self.number not in zygote.born:
            zygote.process.kill()  # a worker that comes too late would be nobody's
            raise OSError("no worker was born")
        self.pid = zygote.born[self.number]

    @property
    def exitcode(self) -> int | None:
        """How it ended, if it has."""
        if self.pid in self.zygote.ended:
            return self.zygote.ended[self.pid]
        return None if self.zygote.is_alive else -signal.SIGKILL

    def join(self, timeout: float) -> None:
        """Waits for its end."""
        with self.zygote.news:
            self.zygote.news.wait_for(lambda: self.exitcode is not None, timeout)


def main(curriculum: Curriculum, exercise: str, tree: Path, prerequisites: str, control: Connection) -> None:
    """The process."""
    worker.leave_server()
    limits.die_with_parent()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    from kata import forking, preload

    preload.self_test()
    forking.serve(curriculum, curriculum.exercise(exercise), tree, prerequisites, _Orders(control))
    os._exit(0)


class _Orders:
    """What the process is asked for, and what it answers."""

    def __init__(self, control: Connection) -> None:
        self.control = control
        self.waking, self.waker = socket.socketpair()
        self.waking.setblocking(False)
        self.waker.setblocking(False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(control, selectors.EVENT_READ)
        self.selector.register(self.waking, selectors.EVENT_READ)

    def next_worker(self) -> tuple[worker.Request, Connection] | None:
        """Forks when asked to; returns only in the new worker, with its request. None when nobody asks any more."""
        gc.collect()
        gc.freeze()  # collections in the workers would touch, and so copy, every page
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        self._say(ready=True)
        with contextlib.suppress(EOFError, OSError):
            while True:
                ready = [key.fileobj for key, _ in self.selector.select()]
                if self.waking in ready:
                    with contextlib.suppress(BlockingIOError):
                        self.waking.recv(1000)
                    self._bury()
                if self.control in ready:
                    number, request = pickle.loads(self.control.recv_bytes())
                    channel = Connection(reduction.recv_handle(self.control), readable=False)
                    pid = os.fork()
                    if not pid:
                        self._forget()
                        return request, channel
                    channel.close()
                    self._say(born=number, pid=pid)
        return None

    def _bury(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                self._say(ended=pid, status=os.waitstatus_to_exitcode(status))

    def _forget(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self.selector, self.control, self.waking, self.waker):
            end.close()

    def _say(self, **said: object) -> None:
        self.control.send_bytes(json.dumps(said).encode())
