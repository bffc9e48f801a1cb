"""The case that broke a law, as lines of Python that can be pasted into a prompt."""

import inspect
import operator
import re
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from kata.laws.calls import RECORDER, Call, Case
from kata.laws.literals import (
    LONGEST_LITERAL,
    LONGEST_VALUE,
    called,
    filled,
    imported,
    in_pieces,
    in_words,
    is_plain,
    literal,
    remaining,
)
from kata.laws.values import Values

BEGINNING = 40  # as characters of a text that is too long to be shown
MOST_UNSAID = 1  # things that can only be described; with more of them, nobody could paste the case
MOST_ITEMS = 6  # of a list that are written one by one


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
        code = getattr(inspect.unwrap(function) if callable(function) else None, "__code__", None)
        if isinstance(code, CodeType) and Path(code.co_filename).is_relative_to(tree):
            return f"{code.co_filename}:{code.co_firstlineno}"
    return None


class _Script(Values):
    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.imports: dict[str, list[str]] = {}
        self.modes: dict[int, bool] = {}
        self.unsaid = 0

    def text(self) -> str | None:
        for call in self._telling_calls():
            self._write(call)
        if not self.lines or self.unsaid > MOST_UNSAID:
            return None
        self._subtract()
        imports = [imported(module, names) for module, names in self.imports.items()]
        uses_torch = any("torch." in line for line in self.lines)
        return "\n".join([*(["import torch"] if uses_torch else []), *imports, *map(filled, self.lines)])

    def _telling_calls(self) -> list[Call]:
        """The last call, and the one before if that gave the same thing another tensor: such laws compare the two."""
        *_, before, last = [None, None, *(call for call in self.case.calls if self._can_be_said(call))]
        compared = before and last and before.function is last.function and before.result is last.result is None
        return [call for call in (before if compared and _differ(before, last) else None, last) if call]

    def _subtract(self) -> None:
        """Where the last two calls of a module differ by one token: how far each number moved."""
        last, found = self.lines[-1], re.match(r"(\w+)\(other\)$", self.lines[-1])
        if found and f"{found[1]}(x)" in self.lines:
            self.lines.remove(f"{found[1]}(x)")
            self.lines[-1:] = ["# How far each number moves:", f"{last} - {found[1]}(x)"]

    def _can_be_said(self, call: Call) -> bool:
        function = call.arguments[0] if call.function is operator.getitem else call.function
        return RECORDER.name_of(function) is not None or self._owner(function) is not None

    def _write(self, call: Call) -> None:
        """Writes the call, and above it what it needs."""
        self.modes |= call.modes
        if call.result is not None:
            name = self._object(call)
            if isinstance(call.result, DataLoader):
                self.lines.append(f"list({name})")
        elif call.function is operator.getitem:
            owner, index = call.arguments
            self.lines.append(f"{self._function(owner)}[{self._value(index, 'index')}]")
        elif (function := self._function(call.function)) is not None:
            line = called(f"{function}(", self._arguments(call))
            self.lines.append(f"list({line})" if inspect.isgeneratorfunction(call.function) else line)

    def _function(self, function: Any) -> str | None:
        known = RECORDER.name_of(function)
        if known is not None:
            return self._imported(*known)
        owner = self._owner(function)
        if owner is None:
            return self._imported_from_the_laws(function)
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

    def _object(self, made: Call, hint: str | None = None) -> str | None:
        """The variable that holds an object; the line that makes it is written where it is not there yet.

        One of the law's own is called by the `hint`.
        """
        if (name := self.name(made.result)) is not None:
            return name
        kind = self._function(made.function)
        if kind is None:
            return None
        words = re.findall(r"[A-Z][a-z]+", kind) or [w for w in kind.split("_") if not re.fullmatch(r"v\d+", w)]
        after = ""
        if made.dtype is not None:
            after = ".double()" if made.dtype == torch.float64 else f".to({made.dtype})"
            # The mode in which it was called; it may have been left in another.
            was_training = self.modes.get(id(made.result), made.result.training)
            after += "" if was_training else ".eval()"
            after += ".to('meta')" if any(part.is_meta for part in made.result.parameters()) else ""
        elif self.modes.get(id(made.result)) is False:
            after = ".eval()"
        is_the_laws = RECORDER.name_of(made.function) is None
        arguments = self._arguments(made, keywords=not is_the_laws)
        name = self.new_name(hint if hint and is_the_laws else words[-1].lower())
        self.variables[name] = made.result
        if made.dtype is not None:
            self.lines.append(f"# The law gives {name} parameters of its own.")
        self.lines.append(called(f"{name} = {kind}(", arguments, f"){after}"))
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
        if (name := self.name(value)) is not None:
            return name
        if isinstance(value, nn.Parameter):
            return self.parameter(value)
        if isinstance(value, Tensor):
            return self.tensor(value.detach(), hint)
        if is_plain(value) and len(text := literal(value)) <= LONGEST_VALUE:
            return text if len(text) <= LONGEST_LITERAL or not isinstance(value, str | bytes) else in_pieces(value)
        if (items := RECORDER.items_of(value)) is not None and is_plain(items):
            return f"(item for item in {literal(items)})"
        made = next((made for made in reversed(self.case.objects) if made.result is value), None)
        if value is not None and made is not None and (name := self._object(made, hint)) is not None:
            return name
        return self._in_brackets(value, hint) or self._of_the_laws(value) or self._unsaid(value, hint)

    def _in_brackets(self, value: Any, hint: str) -> str | None:
        """A container of few things that can be said, a generator of random numbers, a function that is told things."""
        if type(value) is torch.Generator:
            return f"torch.Generator().manual_seed({value.initial_seed()})"
        if type(value) is FunctionType and RECORDER.laws is not None and value.__module__ == RECORDER.laws.__name__:
            return "print"  # the law's own keeps what it is told
        items = RECORDER.items_of(value)
        if items is not None or isinstance(value, type(iter([]))):
            inner = self._in_brackets(items if items is not None else remaining(value), hint)
            return inner and f"iter({inner})"
        if type(value) not in (list, tuple, dict) or not 0 < len(value) <= MOST_ITEMS or is_plain(value):
            return None
        if type(value) is dict:
            return f"{{{', '.join(f'{key!r}: {self._value(item, str(key))}' for key, item in value.items())}}}"
        said = [self._value(item, "x") for item in value]
        if type(value) is tuple:
            return f"({', '.join(said)}{',' if len(said) == 1 else ''})"
        return f"[{', '.join(said)}]"

    def _of_the_laws(self, value: Any) -> str | None:
        """What the law file has under a name: a large constant, an object whose class takes no arguments."""
        laws = RECORDER.laws
        if laws is None or laws.__file__ is None or isinstance(value, Tensor):
            return None
        path = Path(laws.__file__).with_suffix("")
        module = ".".join(path.parts[path.parts.index("tests") :]) if "tests" in path.parts else None
        for name, known in vars(laws).items():
            if module is None or name.startswith("_"):
                continue
            if known is type(value) and not inspect.signature(known).parameters:
                return f"{self._imported(module, name)}()"
            if type(value) in (list, dict, str) and type(known) is type(value) and known == value:
                return self._imported(module, name)
        return None

    def _imported_from_the_laws(self, value: Any) -> str | None:
        """The name of a class or function of the law file itself."""
        laws = RECORDER.laws
        name = getattr(value, "__name__", "")
        if laws is None or laws.__file__ is None or getattr(laws, name, None) is not value:
            return None
        path = Path(laws.__file__).with_suffix("")
        if value.__module__ != laws.__name__ or "tests" not in path.parts:
            return None
        return self._imported(".".join(path.parts[path.parts.index("tests") :]), str(name))

    def _imported(self, module: str, name: str) -> str:
        names = self.imports.setdefault(module, [])
        if name not in names:
            names.append(name)
        return name

    def _unsaid(self, value: Any, hint: str) -> str:
        """A name for what cannot be written down, with a comment that says what it is."""
        self.unsaid += 1
        name = self.new_name(hint)
        self.variables[name] = value
        if type(value) is str and len(value) > LONGEST_VALUE:
            begin = value[:BEGINNING]
            self.lines += [
                f"# The law's own {name} goes on with other words.",
                f"{name} = {begin!r} * {len(value) // BEGINNING}",
            ]
        else:
            self.lines.append(f"# {name}: {in_words(value)}")
        return name


def _differ(before: Call, last: Call) -> bool:
    """Whether two calls got different first tensors."""
    a, b = (call.arguments[0] if call.arguments else None for call in (before, last))
    return (
        isinstance(a, Tensor)
        and isinstance(b, Tensor)
        and a is not b
        and a.device == b.device
        and not torch.equal(a, b)
    )


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
