"""The tensors of a case as Python: each is written out, drawn again, or stood in for by others of its kind."""

from typing import Any

import torch
from torch import Tensor, nn

from kata.laws.calls import SMALL, Case
from kata.laws.literals import PLAIN, derived, drawing, numbers_of, random, regular, scaled, written

SHORT = 40  # as characters of a tensor that is written where it is used


class Values:
    """The lines of Python written so far, and which of their variables holds what."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.lines: list[str] = []
        self.variables: dict[str, Any] = {}

    def tensor(self, value: Tensor, hint: str) -> str:
        """A tensor, or the variable that holds it; the line that makes it is written where it is not there yet."""
        if value.is_meta:
            return self._stand_in(value, hint)
        if value.numel() <= SMALL and value.device.type == "cpu" and value.layout == torch.strided:
            dtype = "" if value.dtype in (torch.float32, torch.int64, torch.bool) else f", dtype={value.dtype}"
            numbers = written(value.tolist())
            if len(numbers + dtype) <= SHORT:
                return f"torch.tensor({numbers}{dtype})"
            name = self.new_name(hint)
            self.variables[name] = value
            self.lines.append(f"{name} = torch.tensor({numbers}{dtype})")
            return name
        for name, other in list(self.variables.items()):
            if isinstance(other, Tensor) and (part := derived(name, other, value)):
                return part
        for drawn in reversed(self.case.draws):
            if drawn.shape == tuple(value.shape) and (text := drawing(drawn, value)):
                name = self.new_name(hint)
                self.variables[name] = value
                self.lines.append(f"{name} = {text}")
                return name
        for drawn in reversed(self.case.draws):
            whole = numbers_of(drawn)
            if whole.numel() >= value.numel() and derived("x", whole, value):
                name = self.new_name(hint)
                self.variables[name] = whole
                self.lines.append(f"{name} = {drawing(drawn, whole)}")
                return derived(name, whole, value) or name
        if (text := regular(value)) is not None or (text := scaled(self.case.draws, value)) is not None:
            name = self.new_name(hint)
            self.variables[name] = value
            self.lines.append(f"{name} = {text}")
            return name
        return self._changed(value, hint) or self._stand_in(value, hint)

    def parameter(self, value: nn.Parameter) -> str:
        """A parameter, with a gradient if it has one. Its numbers may have changed since the call: they are others."""
        name = self.new_name("p")
        comment = "# The law's own parameters and gradients are other numbers."
        if comment not in self.lines:
            self.lines.append(comment)
        self.lines.append(f"{name} = torch.nn.Parameter({random(value.detach())})")
        if value.grad is not None:
            self.lines.append(f"{name}.grad = {random(value.grad)}")
        self.variables[name] = value
        return name

    def _stand_in(self, value: Tensor, hint: str) -> str:
        """Numbers of the right kind for a tensor that the law has computed."""
        shape = ", ".join(map(str, value.shape))
        dtype = "" if value.dtype in (torch.float32, torch.int64) else f", dtype={value.dtype}"
        if value.is_meta:
            return f"torch.empty({shape}{dtype}, device='meta')"
        name = self.new_name(hint)
        self.variables[name] = value
        self.lines.append(f"# The law's own {name} holds other numbers.")
        if value.is_floating_point():
            self.lines.append(f"{name} = {random(value)}")
        else:
            high = int(value.max()) + 1 if value.numel() else 1
            self.lines.append(f"{name} = torch.randint({high}, ({shape},){dtype})")
        return name

    def _changed(self, value: Tensor, hint: str) -> str | None:
        """A tensor in which one token of another was replaced."""
        for name, other in list(self.variables.items()):
            if not isinstance(other, Tensor) or other.shape != value.shape or value.dim() != 3:
                continue
            tokens = (other != value).any(dim=2).any(dim=0).nonzero().flatten().tolist()
            if len(tokens) != 1:
                continue
            part = value[:, tokens[0]]
            new = self.new_name("other")
            for drawn in reversed(self.case.draws):
                if drawn.shape == tuple(part.shape) and (text := drawing(drawn, part)):
                    self.lines += [f"{new} = {name}.clone()", f"{new}[:, {tokens[0]}] = {text}"]
                    self.variables[new] = value
                    return new
            self.lines.append(f"# {new}: {name} with token {tokens[0]} changed")
            self.variables[new] = value
            return new
        return None

    def name(self, value: Any) -> str | None:
        """The variable that holds this very object."""
        if isinstance(value, PLAIN):
            return None
        return next((name for name, known in self.variables.items() if known is value), None)

    def new_name(self, hint: str) -> str:
        """The hint, with a number if that name is taken."""
        names = [hint, *(f"{hint}{number}" for number in range(2, 99))]
        return next(name for name in names if name not in self.variables)
