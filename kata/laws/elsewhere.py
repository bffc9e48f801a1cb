"""What would happen if a model and its input were on another device, found out on a machine that has only one.

The meta device, which is everywhere, does not do where a submission may look at numbers (to check ids, for instance),
and an embedding on it takes ids from any device. So tensors are told apart here by how they came about.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from kata.laws.checks import broken

ACROSS = {"to", "type_as", "copy_", "__getitem__"}
"""What may meet tensors on two devices; an index may be on the CPU, wherever the tensor is."""
BUFFER = "Make it on the device of the input (device=ids.device), or register it as a buffer."


GET_DEVICE = torch.Tensor.device.__get__
"""What reads `.device` of a tensor."""
HERE, THERE = torch.device("cpu"), torch.device("cpu", 0)
"""Two names of one device: they differ, as keys of a cache too, and tensors can be made on either."""


class Elsewhere(TorchFunctionMode):
    """Within the block, all tensors count as being on another device, except those that the code makes by default.

    Until a module moves there, everything that is made stays at home, and what is at home may meet anything. From then
    on, a tensor made without a `device` stays at home, with all that is computed from it alone, until it is moved by
    `.to()`. Where it meets one from elsewhere, the law is broken, as a real device would break it. Numbers without a
    dimension may meet anything. `instead` says what to do about it; `moved` means that everything is there already.
    """

    def __init__(self, instead: str = BUFFER, moved: bool = False) -> None:
        super().__init__()
        self.instead = instead
        self.at_home: dict[int, Tensor] = {}  # the tensors themselves, so that an id stays its own
        self.moved = moved

    def moves(self, built: nn.Module) -> None:
        """Notes that a module moved to the other device: its parameters and buffers did, and nothing else of it."""
        self.moved = True
        for moved in (*built.parameters(), *built.buffers()):
            self.at_home.pop(id(moved), None)

    def stayed(self, made: Tensor) -> bool:
        """Whether a tensor is still at home."""
        return id(made) in self.at_home

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        tensors = list(_tensors((args, named)))
        home = [one for one in tensors if id(one) in self.at_home]
        if func == GET_DEVICE:
            return THERE if self.moved and not home else HERE
        if self.moved and home and len(home) < len(tensors) and name not in ACROSS:
            broken(
                f"On another device, {name} fails: a tensor that was made without saying on which device, or kept from "
                f"before the move, meets one that is elsewhere. {self.instead}"
            )
        result = func(*args, **named)
        where = HERE if name == "cpu" else _device(name, args, named)
        stays = not self.moved or (len(home) == len(tensors) if where is None else where == HERE)
        if stays and any(result is one for one in tensors) and not home:  # .cpu() returns the tensor itself
            result = result.view_as(result)
        for made in _tensors(result):
            if stays and made.dim() > 0:
                self.at_home[id(made)] = made
            else:  # .to() may return the tensor itself
                self.at_home.pop(id(made), None)
        return result


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def _device(name: str, args: tuple[Any, ...], named: dict[str, Any]) -> torch.device | None:
    """The device that a call asks for, if it does; a text may be the type of a tensor's device, so it means there."""
    asked = [named.get("device"), *(args if name == "to" else ())]
    found = next((one for one in asked if isinstance(one, str | torch.device)), None)
    return THERE if isinstance(found, str) else found
