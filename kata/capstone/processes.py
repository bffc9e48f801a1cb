"""The processes of one training: their number, and what they tell each other. torchrun starts them, or we do."""

import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import torch

from kata import KataError

DEVICES = ("cpu", "cuda", "mps")


@dataclass(frozen=True)
class Crew:
    """Which process this is, and of how many."""

    rank: int = 0
    size: int = 1

    def mean(self, numbers: Sequence[float]) -> list[float]:
        """The means over all processes, for each number."""
        if self.size == 1:
            return list(numbers)
        summed = torch.tensor(numbers, dtype=torch.float64)
        torch.distributed.all_reduce(summed)
        return [float(number) for number in summed / self.size]

    def agree(self, number: float) -> float:
        """What the first process has, for all."""
        return number if self.size == 1 else self.mean([number * self.size if self.rank == 0 else 0.0])[0]

    def wait(self) -> None:
        """Until all processes have come here."""
        if self.size > 1:
            torch.distributed.barrier()


def rank() -> int:
    """Which of torchrun's processes this is; 0 without torchrun."""
    return int(os.environ.get("RANK", "0"))


@contextmanager
def together(device: str) -> Iterator[Crew]:
    """Brings torchrun's processes together; without torchrun there is only one."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Crew()
        return
    # Each process hands its gradients over on its own device; the few numbers that are agreed on are on the CPU.
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Crew(rank(), size)
    finally:
        torch.distributed.destroy_process_group()


def find_device(name: str) -> str:
    """The device of that name for this process; refuses one that is not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[name]:
        known = ", ".join(device for device in DEVICES if there[device])
        raise KataError(f"--device {name}: this PyTorch finds no such device here. There is: {known}.")
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        number, count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if number >= count:
            raise KataError(f"Every process needs a GPU of its own, but there are {count}. Ask for {count} processes.")
        torch.cuda.set_device(number)
        return f"cuda:{number}"
    return name


def are_started() -> bool:
    """Whether this is one of several processes already."""
    return "RANK" in os.environ


def start(number: int, command: Sequence[str]) -> int:
    """Runs a command in so many processes, as torchrun does; returns the worst status."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(number), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // number))}
    running = []
    for rank in range(number):
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        running.append(psutil.Popen([*command], env={**threads, **os.environ, **shared, **own}))

    def ended(process: psutil.Process) -> None:
        if getattr(process, "returncode", 0):  # the others would wait for it for ever
            for other in running:
                with contextlib.suppress(psutil.NoSuchProcess):
                    other.terminate()

    while True:
        try:
            psutil.wait_procs(running, callback=ended)
            return max(process.returncode if process.returncode >= 0 else 1 for process in running)
        except KeyboardInterrupt:
            continue  # the processes got the same Ctrl-C, and have the last word
