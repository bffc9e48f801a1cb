"""Everything that laws do to a learner's objects, in one place: construct, call, read, write, save, load."""

import io
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from kata.laws import draw
from kata.laws.calls import RECORDER
from kata.laws.checks import MissingName, broken, describe

FILLING = ("normal_", "uniform_")


class Submission:
    """The learner's module. Asking for a public name that it does not define breaks the law, with a sentence."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        try:
            found = getattr(self._module, name)
        except AttributeError:
            message = f"{self._module.__file__} defines no `{name}`. Was it renamed or deleted?"
            raise MissingName(message) from None
        RECORDER.public(found, self._module.__name__, name)
        return found

    def __repr__(self) -> str:
        return self._module.__name__


def construct(kind: Callable[..., Any], *arguments: Any, seed: int = 0, **named: Any) -> Any:
    """Builds one of the learner's objects; random initialisation follows `seed`, as in no other place."""
    made = RECORDER.made(kind, arguments, named)
    torch.default_generator.manual_seed(seed)
    made.result = kind(*arguments, **named)
    return made.result


def unfilled(kind: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Builds one of the learner's objects, but draws no random numbers: its parameters hold whatever is there.

    Memory that nobody writes to costs nothing, so a model of any size can be built and counted. (The meta device would
    do as well, but the first mask that is built there imports half of PyTorch's compiler.)
    """
    with _NothingDrawn():
        return construct(kind, *arguments, **named)


class _NothingDrawn(TorchFunctionMode):
    """What fills a tensor with random numbers leaves it as it is; what makes a random one makes an empty one."""

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        fills = getattr(func, "__module__", None) == "torch.nn.init" or getattr(func, "__name__", "") in FILLING
        if fills:
            return args[0] if args else named["tensor"]
        return (torch.empty if func in (torch.randn, torch.rand) else func)(*args, **named)


def call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Calls a function or module of the learner's and checks that no argument was modified."""
    is_class = isinstance(function, type)
    made = RECORDER.made(function, arguments, named) if is_class else RECORDER.call(function, arguments, named)
    before = [_copy(argument) for argument in arguments]
    result = function(*arguments, **named)
    if is_class:
        made.result = result
    for index, (argument, copy) in enumerate(zip(arguments, before, strict=True)):
        if not _unchanged(argument, copy):
            advice = "Work on a copy."
            if isinstance(argument, Tensor):
                advice = "Make a new tensor, as x = x - y does; x -= y, or a method like sub_, changes the old one."
            broken(f"Argument {index + 1} of the call was overwritten, but the caller still needs it. {advice}")
    return result


def module(
    kind: Callable[..., Any], *arguments: Any, seed: int, dtype: torch.dtype = torch.float64, **named: Any
) -> Any:
    """Constructs an `nn.Module` in eval mode, in float64 by default, every parameter random, biases and gains too."""
    built = construct(kind, *arguments, seed=seed, **named)
    RECORDER.furnished(built, dtype)
    if not isinstance(built, nn.Module):
        broken(f"{getattr(kind, '__name__', kind)} should build an nn.Module, but built {describe(built)}.")
    built = built.to(dtype)
    randomise(built, seed)
    return built.eval()


def randomise(built: nn.Module, seed: int) -> None:
    """Overwrites every parameter with numbers as large as a good initialisation's, different for each parameter."""
    generator = draw.generator(seed + 1)
    with torch.no_grad():
        for parameter in built.parameters():
            fan_in = parameter.shape[-1] if parameter.dim() > 1 else 1
            numbers = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(numbers / fan_in**0.5)


def write(parameter: Tensor | None, value: Tensor | float) -> None:
    """Overwrites one parameter, in its own dtype; a parameter that is None (a bias not asked for) stays None."""
    if parameter is not None:
        with torch.no_grad():
            parameter.copy_(torch.as_tensor(value, dtype=parameter.dtype).expand_as(parameter))


def parameter(owner: Any, path: str) -> Tensor:
    """A parameter by its dotted path (`W_query.weight`); breaks the law, with a sentence, where it is missing."""
    found: Any = owner
    way = type(owner).__name__
    for name in path.split("."):
        if isinstance(found, Tensor):
            broken(f"{way} is a tensor itself, but should be a layer that has a `{name}`.")
        parent, found = found, found[int(name)] if name.isdigit() else getattr(found, name, None)
        if found is None:
            broken(f"{way}.{name} is None." if hasattr(parent, name) else f"{way} has no `{name}`.")
        way = f"{way}.{name}"
    if not isinstance(found, nn.Parameter):
        wrap = " Wrap it in nn.Parameter." if isinstance(found, Tensor) else ""
        broken(f"{type(owner).__name__}.{path} should be a parameter, but is {describe(found)}.{wrap}")
    return found


def gradients(built: nn.Module, result: Tensor, seed: int) -> dict[str, Tensor | None]:
    """The gradient of every parameter when the result is pulled in a random direction."""
    built.zero_grad(set_to_none=True)
    direction = draw.normal(seed + 2, *result.shape, dtype=result.dtype)
    if not result.requires_grad:
        broken("No gradient flows back from the result to the parameters. Do not use .detach(), .data or no_grad here.")
    (result * direction).sum().backward()  # type: ignore[no-untyped-call]
    slopes = ((name, parameter.grad) for name, parameter in built.named_parameters())
    return {name: None if slope is None else slope.to_dense() for name, slope in slopes}  # an embedding's may be sparse


def saved_and_loaded(built: nn.Module, fresh: nn.Module) -> nn.Module:
    """Sends a module's state_dict through bytes into a fresh module of the same configuration; returns that."""
    buffer = io.BytesIO()
    torch.save(built.state_dict(), buffer)
    buffer.seek(0)
    fresh.load_state_dict(torch.load(buffer, weights_only=True))
    return fresh


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, list | dict):
        return value.copy()
    return value


def _unchanged(value: Any, copy: Any) -> bool:
    if isinstance(value, Tensor):
        same_kind = value.shape == copy.shape and value.dtype == copy.dtype
        return same_kind and bool(torch.equal(value.nan_to_num(), copy.nan_to_num()))
    if isinstance(value, list | dict):
        return bool(value == copy)
    return True
