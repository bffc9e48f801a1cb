"""The case that broke a law, as lines of Python that can be pasted into a prompt."""

import inspect
import operator
import re
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import torch
from torch import Tensor, nn

from kata.laws.calls import RECORDER, SMALL, Call, Case, Draw

WIDTH = 76
LONGEST_VALUE = 400
SHORT = 40  # as characters of a tensor that is written where it is used
PLAIN = (str, bytes, int, float, bool, type(None))


def last_case() -> str | None:
    """The last broken case in words of Python, or None where it is no call that could be written down.

    Small tensors are written out with a few digits, large ones as what draws them from their seed. What is too large is
    a name, with a comment that says what it stands for.
    """
    if RECORDER.broken is None:
        return None
    try:
        return _Script(RECORDER.broken).text()
    except Exception:  # the objects are the learner's, and may do anything when they are looked at
        return None


def last_definition(tree: Path) -> str | None:
    """`file:line` where the tree defines what the last broken case called last; None where that is not known."""
    calls = RECORDER.broken.calls if RECORDER.broken is not None else ()
    for call in reversed(calls):
        function = call.function
        if isinstance(function, nn.Module):
            function = getattr(type(function), "forward", None)
        elif isinstance(function, type):
            function = vars(function).get("__init__")
        elif function is operator.getitem:
            function = getattr(type(call.arguments[0]), "__getitem__", None)
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType) and Path(code.co_filename).is_relative_to(tree):
            return f"{code.co_filename}:{code.co_firstlineno}"
    return None


class _Script:
    def __init__(self, case: Case) -> None:
        self.case = case
        self.imports: dict[str, None] = {}
        self.lines: list[str] = []
        self.variables: dict[str, Any] = {}

    def text(self) -> str | None:
        for call in self._telling_calls():
            self._write(call)
        if not self.lines:
            return None
        uses_torch = any("torch." in line for line in self.lines)
        return "\n".join([*(["import torch"] if uses_torch else []), *self.imports, *self.lines])

    def _telling_calls(self) -> list[Call]:
        """The last call, and the one before if that gave the same thing another tensor: such laws compare the two."""
        *_, before, last = [None, None, *(call for call in self.case.calls if self._can_be_said(call))]
        compared = before and last and before.function is last.function and before.result is last.result is None
        return [call for call in (before if compared and _differ(before, last) else None, last) if call]

    def _can_be_said(self, call: Call) -> bool:
        function = call.arguments[0] if call.function is operator.getitem else call.function
        return RECORDER.name_of(function) is not None or self._owner(function) is not None

    def _write(self, call: Call) -> None:
        """Writes the call, and above it what it needs."""
        if call.result is not None:
            self._object(call)
        elif call.function is operator.getitem:
            owner, index = call.arguments
            self.lines.append(f"{self._function(owner)}[{self._value(index, 'index')}]")
        elif (function := self._function(call.function)) is not None:
            self.lines.append(_wrapped(f"{function}(", self._arguments(call), ")"))

    def _function(self, function: Any) -> str | None:
        known = RECORDER.name_of(function)
        if known is not None:
            self.imports[f"from {known[0]} import {known[1]}"] = None
            return known[1]
        owner = self._owner(function)
        if owner is None:
            return None
        made, path = owner
        return f"{self._object(made)}{path}"

    def _owner(self, function: Any) -> tuple[Call, str] | None:
        """The object that a call was made on: what made it, and the way from there, such as `.heads[0]`."""
        bound = getattr(function, "__self__", None)
        for made in reversed(self.case.objects):
            if made.result is None or RECORDER.name_of(made.function) is None:
                continue
            if function is made.result:
                return made, ""
            if bound is made.result:
                return made, f".{function.__name__}"
            if isinstance(made.result, nn.Module) and isinstance(function, nn.Module):
                for path, part in nn.Module.named_modules(made.result):
                    if part is function:
                        return made, re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", f".{path}")
        return None

    def _object(self, made: Call) -> str | None:
        """The variable that holds an object; the line that makes it is written where it is not there yet."""
        if (name := self._name(made.result)) is not None:
            return name
        kind = self._function(made.function)
        if kind is None:
            return None
        words = re.findall(r"[A-Z][a-z]+", kind) or ["it"]
        after = ""
        if made.dtype is not None:
            after = ".double()" if made.dtype == torch.float64 else f".to({made.dtype})"
            after += "" if made.result.training else ".eval()"
        arguments = self._arguments(made, keywords=True)
        name = self._new_name(words[-1].lower())
        self.variables[name] = made.result
        if made.dtype is not None:
            self.lines.append(f"# The law gives {name} parameters of its own.")
        self.lines.append(_wrapped(f"{name} = {kind}(", arguments, f"){after}"))
        return name

    def _arguments(self, call: Call, keywords: bool = False) -> list[str]:
        names = _parameters(call)
        said = []
        for index, value in enumerate(call.arguments):
            hint = names[index] if index < len(names) else "x"
            keyword = f"{hint}=" if keywords and len(names) >= len(call.arguments) > 2 else ""
            said.append(keyword + self._value(value, hint))
        return said + [f"{name}={self._value(value, name)}" for name, value in call.named.items()]

    def _value(self, value: Any, hint: str) -> str:
        if (name := self._name(value)) is not None:
            return name
        if isinstance(value, Tensor):
            return self._tensor(value.detach(), hint)
        if _is_plain(value) and len(text := _literal(value)) <= LONGEST_VALUE:
            return text
        return self._unsaid(value, hint)

    def _tensor(self, value: Tensor, hint: str) -> str:
        if value.numel() <= SMALL and value.device.type == "cpu" and value.layout == torch.strided:
            dtype = "" if value.dtype in (torch.float32, torch.int64, torch.bool) else f", dtype={value.dtype}"
            numbers = _numbers(value.tolist())
            if len(numbers) <= SHORT:
                return f"torch.tensor({numbers}{dtype})"
            name = self._new_name(hint)
            self.variables[name] = value
            self.lines.append(_wrapped(f"{name} = torch.tensor(", f"{numbers}{dtype}".split(", "), ")"))
            return name
        for name, other in list(self.variables.items()):
            if isinstance(other, Tensor) and (part := _derived(name, other, value)):
                return part
        for drawn in reversed(self.case.draws):
            if drawn.shape == tuple(value.shape) and (text := _drawing(drawn, value)):
                name = self._new_name(hint)
                self.variables[name] = value
                self.lines.append(f"{name} = {text}")
                return name
        for drawn in reversed(self.case.draws):
            whole = _drawn(drawn)
            if whole.numel() >= value.numel() and _derived("x", whole, value):
                name = self._new_name(hint)
                self.variables[name] = whole
                self.lines.append(f"{name} = {_drawing(drawn, whole)}")
                return _derived(name, whole, value) or name
        return self._changed(value, hint) or self._unsaid(value, hint)

    def _changed(self, value: Tensor, hint: str) -> str | None:
        """A tensor in which one token of another was replaced."""
        for name, other in list(self.variables.items()):
            if not isinstance(other, Tensor) or other.shape != value.shape or value.dim() != 3:
                continue
            tokens = (other != value).any(dim=2).any(dim=0).nonzero().flatten().tolist()
            if len(tokens) != 1:
                continue
            part = value[:, tokens[0]]
            new = self._new_name("other")
            for drawn in reversed(self.case.draws):
                if drawn.shape == tuple(part.shape) and (text := _drawing(drawn, part)):
                    self.lines += [f"{new} = {name}.clone()", f"{new}[:, {tokens[0]}] = {text}"]
                    self.variables[new] = value
                    return new
            self.lines.append(f"# {new}: {name} with token {tokens[0]} changed")
            self.variables[new] = value
            return new
        return None

    def _unsaid(self, value: Any, hint: str) -> str:
        """A name for what cannot be written down, with a comment that says what it is."""
        name = self._new_name(hint)
        self.variables[name] = value
        self.lines.append(f"# {name}: {_in_words(value)}")
        return name

    def _name(self, value: Any) -> str | None:
        if isinstance(value, PLAIN):
            return None
        return next((name for name, known in self.variables.items() if known is value), None)

    def _new_name(self, hint: str) -> str:
        names = [hint, *(f"{hint}{number}" for number in range(2, 99))]
        return next(name for name in names if name not in self.variables)


def _differ(before: Call, last: Call) -> bool:
    """Whether two calls got different first tensors."""
    a, b = (call.arguments[0] if call.arguments else None for call in (before, last))
    return isinstance(a, Tensor) and isinstance(b, Tensor) and a is not b and not torch.equal(a, b)


def _parameters(call: Call) -> list[str]:
    """The names of the positional parameters of what was called; none where Python does not know them."""
    function = call.function
    if isinstance(function, nn.Module):
        function = function.forward
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in found if p.kind is p.POSITIONAL_OR_KEYWORD]


def _wrapped(before: str, arguments: list[str], after: str) -> str:
    """A call over as many lines as it needs, broken between arguments."""
    lines, line = [], before
    for index, argument in enumerate(arguments):
        piece = argument + (after if index == len(arguments) - 1 else ",")
        room = WIDTH - len(line) - (not line.endswith("("))
        if len(piece) > room and line.strip() and index:
            lines.append(line)
            line = "    " + piece
        else:
            line += piece if line.endswith("(") and not index else " " + piece
    return "\n".join([*lines, line if arguments else line + after])


def _drawn(drawn: Draw) -> Tensor:
    generator = torch.Generator().manual_seed(drawn.seed)
    if drawn.high is not None:
        return torch.randint(drawn.high, drawn.shape, generator=generator)
    return torch.randn(drawn.shape, generator=generator, dtype=torch.float64)


def _drawing(drawn: Draw, value: Tensor) -> str | None:
    """The expression that draws exactly this tensor; None where it comes out otherwise."""
    if not torch.equal(_drawn(drawn).to(value.dtype), value):
        return None
    shape = ", ".join(map(str, drawn.shape))
    seed = f"generator=torch.Generator().manual_seed({drawn.seed})"
    if drawn.high is not None:
        return _wrapped("torch.randint(", [str(drawn.high), f"({shape},)", seed], ")")
    to = "" if value.dtype == torch.float64 else f".to({value.dtype})"
    return _wrapped("torch.randn(", [shape, "dtype=torch.float64", seed], f"){to}")


def _derived(name: str, whole: Tensor, value: Tensor) -> str | None:
    """The expression that makes one tensor of another, if it is one of the usual ones."""
    return next(
        (text for text, part in _parts(name, whole, value) if part.shape == value.shape and torch.equal(part, value)),
        None,
    )


def _parts(name: str, whole: Tensor, value: Tensor) -> Iterator[tuple[str, Tensor]]:
    whole = whole.to(value.dtype)
    yield name, whole
    yield f"{name}[None]", whole[None]
    if whole.dim() < 2:
        return
    for index in range(whole.shape[0]):
        yield f"{name}[{index}]", whole[index]
        yield f"{name}[{index}:{index + 1}]", whole[index : index + 1]
    if value.dim() >= 2:
        length = value.shape[-2]
        yield f"{name}[..., :{length}, :]", whole[..., :length, :]
        if value.shape == whole.shape:
            rows = whole.movedim(-2, 0).reshape(length, -1), value.movedim(-2, 0).reshape(length, -1)
            order = [next((i for i, row in enumerate(rows[0]) if torch.equal(row, new)), 0) for new in rows[1]]
            yield f"{name}[..., {order}, :]", whole[..., order, :]


def _is_plain(value: Any, depth: int = 4) -> bool:
    if type(value) in PLAIN or isinstance(value, torch.dtype):
        return True
    if depth and type(value) in (list, tuple):
        return len(value) <= LONGEST_VALUE and all(_is_plain(item, depth - 1) for item in value)
    if depth and type(value) is dict:
        return len(value) <= LONGEST_VALUE and all(
            _is_plain(k, 0) and _is_plain(v, depth - 1) for k, v in value.items()
        )
    return depth > 0 and isinstance(value, type(iter([]))) and _is_plain(_remaining(value), depth - 1)


def _remaining(value: Any) -> list[Any]:
    """What a list's iterator still has to give; it is left as it is."""
    _, (items, *_), *place = value.__reduce__()
    return list(items)[place[0] if place else 0 :]


def _literal(value: Any) -> str:
    return f"iter({_remaining(value)!r})" if isinstance(value, type(iter([]))) else repr(value)


def _numbers(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_numbers, value))}]"
    if isinstance(value, float):
        text = repr(float(f"{value:.4g}"))
        return text.replace("inf", "torch.inf").replace("nan", "torch.nan")
    return repr(value)


def _in_words(value: Any) -> str:
    """What something is that is too large to be written down."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}, {str(value.dtype).removeprefix('torch.')}"
    kind = type(value)
    if isinstance(value, str | bytes):
        return f"{len(value):,} {'characters' if isinstance(value, str) else 'bytes'} that begin with {value[:40]!r}"
    if kind in (list, tuple, dict):
        return f"a {kind.__name__} of {len(value):,}"
    about = (kind.__doc__ or "").strip().splitlines() if kind.__module__ not in ("builtins", "torch") else []
    return about[0] if about and len(about[0]) <= WIDTH else f"an object of type {kind.__name__}"
