"""The workers of now: started where and as the system allows, looked after until each job has its verdict."""

import contextlib
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import sys
from multiprocessing.context import BaseContext
from typing import Any, Literal

import psutil

from kata import limits
from kata.job import Job

Start = Literal["forkserver", "spawn"]
START: Start = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


class Crew:
    """Starts workers, takes in what they report, and leaves no process behind."""

    def __init__(self, start: Start = START) -> None:
        self.context = context_for(start)
        self.orphans = limits.Orphans()
        self.jobs: list[Job] = []

    def start(self, job: Job) -> None:
        """Sends a worker to a job. Raises OSError where none can be had."""
        job.start(self.context)
        self.jobs.append(job)

    def advance(self) -> list[Job]:
        """Takes in what happened since; returns the jobs that have their verdict now. Raises CannotJudge."""
        finished = []
        for job in list(self.jobs):
            if job.advance(self.context):
                self.jobs.remove(job)
                finished.append(job)
            elif job.never_ready:
                self.context = context_for("spawn")
                job.start_again(self.context)
        self.orphans.end([pid for job in self.jobs for pid in job.pids])
        return finished

    def end(self, job: Job) -> None:
        """Gives a job up: its workers are ended, its verdict stays as it is."""
        if job in self.jobs:
            self.jobs.remove(job)
        job.give_up()

    def renew(self) -> bool:
        """Starts the fork server anew, if it has died; returns whether it had."""
        if self.context.get_start_method() != "forkserver" or server_is_alive():
            return False
        forget_server()
        self.context = context_for("forkserver")
        self.orphans = limits.Orphans()
        return True

    def close(self) -> None:
        """Gives up all that is left."""
        for job in list(self.jobs):
            self.end(job)
        self.orphans.end([])


def context_for(start: Start) -> BaseContext:
    """Where workers are started from, running: with a fork server, its process imports everything from now on."""
    context = multiprocessing.get_context(start)
    if start == "forkserver":
        context.set_forkserver_preload(["kata.preload"])
        multiprocessing.forkserver.ensure_running()
    if sys.platform != "win32":
        multiprocessing.resource_tracker.ensure_running()  # else it would appear later, and look like an orphan
    return context


def server_is_alive() -> bool:
    """Whether the fork server's process is there."""
    pid = getattr(multiprocessing.forkserver._forkserver, "_forkserver_pid", None)
    return pid is None or (psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


def forget_server() -> None:
    """Makes multiprocessing forget a fork server that has died: somebody else may have waited for its end already."""
    server: Any = multiprocessing.forkserver._forkserver
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(server._forkserver_pid, os.WNOHANG)
    with contextlib.suppress(OSError):
        os.close(server._forkserver_alive_fd)
    server._forkserver_pid = server._forkserver_address = server._forkserver_alive_fd = None
