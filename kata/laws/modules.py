"""Laws that many modules share, written once: each takes a function or a module, and breaks with a sentence.

Sequence functions take x (batch, tokens, features) and return (batch, tokens, features).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from kata.laws import draw, verbs
from kata.laws.checks import TOLERANCE, broken, describe, holds, same

SEQUENCE = ("batch", "token", "feature")


def sees_no_future(function: Callable[[Tensor], Tensor], x: Tensor, seed: int) -> None:
    """Changing one token leaves every earlier position as it was."""
    for token in range(x.shape[1]):
        change = _change(function, x, token, seed)
        for position in range(token):
            moved = change[:, position].max().item()
            holds(
                moved <= TOLERANCE[x.dtype],
                f"Position {position} moved by {moved:.3g} when only token {token} changed: it sees the future.",
            )


def sees_the_past(function: Callable[[Tensor], Tensor], x: Tensor, seed: int) -> None:
    """Changing one token changes that position and every later one, in every sequence of the batch."""
    for token in range(x.shape[1]):
        change = _change(function, x, token, seed)
        for position in range(token, x.shape[1]):
            moved = change[:, position].min().item()
            holds(
                moved > TOLERANCE[x.dtype],
                f"Position {position} did not move when token {token} changed, though it may see it.",
            )


def prefix_is_enough(function: Callable[[Tensor], Tensor], x: Tensor, length: int) -> None:
    """The first positions of a sequence come out as they do when the sequence ends there."""
    whole = verbs.call(function, x)
    same(
        verbs.call(function, x[:, :length].clone()),
        whole[:, :length],
        SEQUENCE,
        f"the result of the first {length} tokens alone",
    )


def rows_are_independent(function: Callable[[Tensor], Tensor], x: Tensor) -> None:
    """Each sequence of a batch comes out as it does alone."""
    whole = verbs.call(function, x)
    for row in range(x.shape[0]):
        alone = verbs.call(function, x[row : row + 1].clone())
        same(
            alone,
            whole[row : row + 1],
            SEQUENCE,
            f"the result of sequence {row} alone (not in its batch of {x.shape[0]})",
        )


def order_is_kept(function: Callable[[Tensor], Tensor], x: Tensor, seed: int, axes: tuple[str, ...] = SEQUENCE) -> None:
    """Permuting the tokens (dimension -2) permutes the result in the same way, and nothing else."""
    order = torch.randperm(x.shape[-2], generator=draw.generator(seed))
    permuted = verbs.call(function, x[..., order, :].clone())
    same(
        permuted,
        verbs.call(function, x)[..., order, :],
        axes,
        f"the result for the tokens in the order {order.tolist()}",
    )


def gradient_reaches_every_parameter(built: nn.Module, x: Tensor, seed: int, none_for: tuple[str, ...] = ()) -> None:
    """Every parameter gets a gradient that is finite and not all zero; those of `none_for` may be all zero."""
    for name, gradient in verbs.gradients(built, built(x), seed).items():
        if gradient is None:
            broken(f"No gradient reaches {name}: it is not used, or the path to it is cut.")
        holds(bool(torch.isfinite(gradient).all()), f"The gradient of {name} holds NaN or infinity.")
        holds(
            name in none_for or bool(gradient.any()),
            f"The gradient of {name} is all zero: it has no effect on the result.",
        )


def gradient_reaches_the_input(function: Callable[[Tensor], Tensor], x: Tensor) -> None:
    """Every number of the input gets a finite gradient, and it is the slope that small steps measure."""
    leaf = x.clone().requires_grad_()
    result = function(leaf)
    holds(result.requires_grad, "No gradient flows back to the input. Do not use .detach(), .data or no_grad here.")
    try:
        torch.autograd.gradcheck(function, (leaf,), atol=1e-5, rtol=1e-3, fast_mode=True)
    except torch.autograd.gradcheck.GradcheckError:  # type: ignore[attr-defined]
        broken("The gradient of the result is not the slope that small steps of the input measure.")


def state_is_complete(built: nn.Module, fresh: nn.Module, x: Tensor, axes: tuple[str, ...] = SEQUENCE) -> None:
    """A state_dict, saved and loaded into a fresh module, is everything that module needs to compute the same."""
    expected = built(x)
    loaded = verbs.saved_and_loaded(built, fresh.to(x.dtype).eval())
    same(loaded(x), expected, axes, "the result after saving and loading the state_dict")


def computes_in(built: nn.Module, dtype: torch.dtype, x: Tensor, axes: tuple[str, ...] = SEQUENCE) -> None:
    """The module follows `.to(dtype)`: it returns that dtype, and the same numbers up to that dtype's rounding."""
    with torch.no_grad():
        result = verbs.call(built.to(dtype), x.to(dtype))
        expected = built.to(torch.float64)(x.to(dtype).double())  # the same rounded parameters and input
    same(result, expected.to(dtype), axes, f"the result in {str(dtype).removeprefix('torch.')}")


def is_a_linear(layer: object, d_in: int, d_out: int, bias: bool, name: str) -> None:
    """The attribute is an nn.Linear of these sizes, with a bias exactly if asked for."""
    if not isinstance(layer, nn.Linear):
        broken(f"{name} should be an nn.Linear, but is {describe(layer)}.")
    holds(
        (layer.in_features, layer.out_features) == (d_in, d_out),
        f"{name} should map {d_in} features to {d_out}, but maps {layer.in_features} to {layer.out_features}.",
    )
    asked, has = ("a" if bias else "no"), ("a" if layer.bias is not None else "no")
    holds((layer.bias is not None) == bias, f"{name} should have {asked} bias here, but has {has} bias.")


def _change(function: Callable[[Tensor], Tensor], x: Tensor, token: int, seed: int) -> Tensor:
    """How far each position (batch, tokens) moves when one token is replaced."""
    other = x.clone()
    other[:, token] = draw.normal(seed + 3, x.shape[0], x.shape[2], dtype=x.dtype)
    before, after = verbs.call(function, x), verbs.call(function, other)
    moved: Tensor = (after - before).abs().amax(dim=-1)
    return moved
