"""Laws that many modules share, written once: each takes a function or a module, and breaks with a sentence.

Sequence functions take x (batch, tokens, features) and return (batch, tokens, features); or they take ids
(batch, tokens), where the size of the vocabulary says what a token may change to.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError

from kata.laws import draw, pictures, verbs
from kata.laws.calls import RECORDER
from kata.laws.checks import TOLERANCE, broken, describe, holds, same, shorten, tensor

SEQUENCE = ("batch", "token", "feature")


def sees_no_future(function: Callable[[Tensor], Tensor], x: Tensor, seed: int, vocab: int | None = None) -> None:
    """Changing one token leaves every earlier position as it was."""
    for token in range(x.shape[1]):
        change = _change(function, x, token, seed, vocab)
        for position in range(token):
            moved = change[:, position].max().item()
            if not moved <= TOLERANCE[change.dtype]:  # NaN is no answer either
                broken(
                    f"Position {position} moved by {moved:.3g} when only token {token} changed: it sees the future.",
                    _influence(function, x, seed, vocab, future=True),
                )


def sees_the_past(function: Callable[[Tensor], Tensor], x: Tensor, seed: int, vocab: int | None = None) -> None:
    """Changing one token changes that position and every later one, in every sequence of the batch."""
    for token in range(x.shape[1]):
        change = _change(function, x, token, seed, vocab)
        for position in range(token, x.shape[1]):
            moved = change[:, position].min().item()
            if not moved > TOLERANCE[change.dtype]:
                itself = "its own token" if position == token else f"token {token}"
                broken(
                    f"Position {position} moved by {moved:.3g} when {itself} changed: it does not see it, but should. "
                    "A position sees itself and everything before it.",
                    _influence(function, x, seed, vocab, future=False),
                )


def _influence(
    function: Callable[[Tensor], Tensor], x: Tensor, seed: int, vocab: int | None, future: bool
) -> str | None:
    """How far each position moves when each token changes, as a picture; what is wrong about it is marked."""
    with RECORDER.resting():
        change = torch.stack([_change(function, x, token, seed, vocab) for token in range(x.shape[1])], dim=-1)
    later = torch.ones(change.shape[1:], dtype=torch.bool).triu(1)
    moved = change.amax(dim=0) if future else change.amin(dim=0)
    off = ~(moved <= TOLERANCE[moved.dtype]) & later if future else ~(moved > TOLERANCE[moved.dtype]) & ~later
    what = "How far each position moves when a token changes, in brackets what is wrong:"
    return pictures.matrix(moved.detach(), off, "position", "token", what)


def prefix_is_enough(
    function: Callable[[Tensor], Tensor], x: Tensor, length: int, axes: Sequence[str] = SEQUENCE
) -> None:
    """The first positions of a sequence come out as they do when the sequence ends there."""
    whole = verbs.call(function, x)
    same(
        verbs.call(function, x[:, :length].clone()),
        whole[:, :length],
        axes,
        f"the result of the first {length} tokens alone",
    )


def rows_are_independent(function: Callable[[Tensor], Tensor], x: Tensor, axes: Sequence[str] = SEQUENCE) -> None:
    """Each sequence of a batch comes out as it does alone."""
    whole = verbs.call(function, x)
    for row in range(x.shape[0]):
        alone = verbs.call(function, x[row : row + 1].clone())
        same(
            alone,
            whole[row : row + 1],
            axes,
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


def query_asks_for_itself(attention: nn.Module, x: Tensor, seed: int) -> None:
    """Changing the query of one token changes nothing that another token receives.

    The projections are rigged so that queries read only the first feature of x (batch, tokens, d_in), keys and values
    only the others; so d_in must be at least 2.
    """
    first = torch.zeros(x.shape[2], dtype=x.dtype)
    first[0] = 1.0
    for name, seen in (("W_query", first), ("W_key", 1 - first), ("W_value", 1 - first)):
        weight = verbs.parameter(attention, f"{name}.weight")
        verbs.write(weight, weight.detach() * seen)
    before = verbs.call(attention, x)
    for token in range(x.shape[1]):
        other = x.clone()
        other[:, token, 0] += 1.0
        moved = (verbs.call(attention, other) - before).abs().amax(dim=(0, 2))
        moved[token] = 0.0
        holds(
            bool((moved <= TOLERANCE[x.dtype]).all()),
            f"Only the query of token {token} changed, but the result of token {int(moved.argmax())} moved by "
            f"{moved.max().item():.3g}. A query decides what its own token receives: check that queries ask and keys "
            "answer, and that each query's weights are normalised over the keys.",
        )


def weights_are_a_distribution(weights: Tensor, seen: Tensor, what: str = "the attention weights") -> None:
    """Attention weights (query, key) are positive where `seen` is true, else zero, and sum to one over the keys."""
    seen = seen.expand_as(weights)
    wrong = ~torch.where(seen, weights > 0, weights.abs() <= 1e-12)
    picture = f"{_upper(what)}, in brackets those that are wrong:"
    if bool(wrong.any()):
        query, key = wrong.nonzero()[0].tolist()
        weight = weights[query, key].item()
        which, should = ("which it may see,", "every one should get some")
        if not seen[query, key]:
            which, should = ("in its future,", "it should get none")
        broken(
            f"Query {query} gives key {key}, {which} the weight {weight:.3g}: {should}.",
            pictures.matrix(weights.detach(), wrong, "query", "key", picture),
        )
    sums = weights.sum(dim=-1)
    off = ~((sums - 1).abs() <= TOLERANCE[weights.dtype])
    if bool(off.any()):
        query = int(off.nonzero()[0])
        broken(
            f"The sum of {what} of query {query}, over the keys, should be 1, but is {sums[query].item():.6g}.",
            pictures.matrix(weights.detach(), off[:, None].expand_as(weights), "query", "key", picture),
        )


def gradient_reaches_every_parameter(built: nn.Module, x: Tensor, seed: int, none_for: tuple[str, ...] = ()) -> None:
    """Every parameter gets a gradient that is finite and not all zero; those of `none_for` may be all zero."""
    for name, gradient in verbs.gradients(built, verbs.call(built, x), seed).items():
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
    result = verbs.call(function, leaf)
    holds(result.requires_grad, "No gradient flows back to the input. Do not use .detach(), .data or no_grad here.")
    try:
        torch.autograd.gradcheck(function, (leaf,), atol=1e-5, rtol=1e-3, fast_mode=True)
    except GradcheckError:
        broken(
            "The gradient of the result is not the slope that small steps of the input measure. "
            "Is something on the way detached, or computed under no_grad?"
        )


def alike(one: Tensor, other: Tensor, axes: Sequence[str], what: str, instead: str) -> None:
    """Two results, of which neither is known to be the right one, are equal: `what`, and the one for `instead`."""
    other = tensor(other, dict(zip(axes, one.shape, strict=True)), one.dtype, f"the result for {instead}").detach()
    apart = (one.detach() - other).abs()
    if bool((apart > TOLERANCE[one.dtype] * max(1.0, other.abs().max().item())).any()):
        where = torch.unravel_index(apart.argmax(), apart.shape)
        place = ", ".join(f"{axis} {int(index)}" for axis, index in zip(axes, where, strict=True))
        broken(
            f"At {place}, {what} is {one[where].item():.6g}, but for {instead} it is {other[where].item():.6g}. "
            "The two should be equal."
        )


def state_is_complete(built: nn.Module, fresh: nn.Module, x: Tensor | int, axes: tuple[str, ...] = SEQUENCE) -> None:
    """A state_dict, saved and loaded into a fresh module, is everything that module needs to compute the same.

    `x` is a tensor of floats, of ids, or whatever else the module takes.
    """
    expected = verbs.call(built, x)
    loaded = verbs.saved_and_loaded(built, fresh.to(expected.dtype).eval())
    same(verbs.call(loaded, x), expected, axes, "the result after saving and loading the state_dict")


def computes_in(built: nn.Module, dtype: torch.dtype, x: Tensor | int, axes: tuple[str, ...] = SEQUENCE) -> None:
    """The module follows `.to(dtype)`: it returns that dtype, and the same numbers up to that dtype's rounding.

    If `x` is a tensor of floats it is moved along; ids and numbers stay what they are.
    """

    def moved(to: torch.dtype, value: Tensor | int) -> Tensor | int:
        return value.to(to) if isinstance(value, Tensor) and value.is_floating_point() else value

    with torch.no_grad():
        result = verbs.call(built.to(dtype), moved(dtype, x))
        # The same rounded parameters and input.
        expected = built.to(torch.float64)(moved(torch.float64, moved(dtype, x)))
    same(result, expected.to(dtype), axes, f"the result in {str(dtype).removeprefix('torch.')}")


def is_a_linear(layer: object, d_in: int, d_out: int, bias: bool, name: str) -> None:
    """The attribute is an nn.Linear of these sizes, with a bias exactly if asked for."""
    if layer is None:
        broken(f"{name} should be an nn.Linear, but there is none.")
    if not isinstance(layer, nn.Linear):
        broken(f"{name} should be an nn.Linear, but is {describe(layer)}.")
    holds(
        (layer.in_features, layer.out_features) == (d_in, d_out),
        f"{name} should map {d_in} feature{'' if d_in == 1 else 's'} to {d_out}, but maps {layer.in_features} to "
        f"{layer.out_features}.",
    )
    asked, has = ("a" if bias else "no"), ("a" if layer.bias is not None else "no")
    holds((layer.bias is not None) == bias, f"{name} should have {asked} bias here, but has {has} bias.")


def works_on_another_device(built: nn.Module, x: Tensor) -> None:
    """After a first call here, the module and its input move to another device, and the module works there."""
    verbs.call(built, x)  # what is built only when needed, and then kept, must move as well
    # The meta device computes shapes only, exists everywhere, and cannot be mixed with the CPU.
    built, x = built.to("meta"), x.to("meta")
    RECORDER.call(built, (x,), {})
    try:
        result = built(x)
    except RuntimeError as error:
        broken(
            f"Moved to another device, it fails: {shorten(str(error))}. Something stayed behind: "
            "register it as a buffer, or make it on the device of the input."
        )
    holds(result.device.type == "meta", f"The module is on another device, but its result is on {result.device.type}.")


def linears_are_all(built: nn.Module, layers: Mapping[str, tuple[int, int, bool]]) -> None:
    """The named attributes are nn.Linear of sizes (d_in, d_out, bias), each its own; there is no other parameter.

    Parameters are told apart by identity: under which other names the module also knows them does not matter.
    """
    wanted: dict[int, str] = {}
    for name, (d_in, d_out, bias) in layers.items():
        layer = getattr(built, name, None)
        is_a_linear(layer, d_in, d_out, bias, name)
        for kind, parameter in layer.named_parameters():  # type: ignore[union-attr]
            other = wanted.setdefault(id(parameter), f"{name}.{kind}")
            holds(
                other == f"{name}.{kind}",
                f"{name}.{kind} and {other} are one and the same parameter: each needs its own.",
            )
    found = {id(parameter): name for name, parameter in built.named_parameters()}
    extra = sorted(name for key, name in found.items() if key not in wanted)
    missing = sorted(name for key, name in wanted.items() if key not in found)
    holds(
        not extra,
        f"It has parameters beyond those of {', '.join(layers)}: {', '.join(extra)}. Nothing else is learnt here.",
    )
    holds(not missing, f"It does not know the parameters {', '.join(missing)}: an optimizer would never see them.")


def dropout_acts_on_weights(kept: Tensor, first: Tensor, second: Tensor, dropout: float, parts: Sequence[str]) -> None:
    """Each attention weight, on its own, is either dropped, or divided by the chance of being kept; anew on each call.

    `kept` holds the weights without dropout, `first` and `second` those of two calls in training, all as
    (part, copy, query, key). A part (a sequence, a head) is named by `parts` and has weights of its own; copies are
    what several features show of the same weight.
    """
    scaled = kept / (1 - dropout)
    gone = first.abs() <= 1e-12
    for part, name in enumerate(parts):
        torn = (gone[part] != gone[part, :1]).nonzero()
        if len(torn):
            _, query, key = torn[0].tolist()
            broken(
                f"With dropout {dropout:.3g}, query {query} of {name} got some features of key {key} in training and "
                "others not: you drop features, of the values or of the result. Drop whole attention weights instead."
            )
        wrong = (~gone[part, 0] & ((first[part, 0] - scaled[part, 0]).abs() > 1e-9)).nonzero()
        if len(wrong):
            query, key = wrong[0].tolist()
            got, want, before = (x[part, 0, query, key].item() for x in (first, scaled, kept))
            broken(
                f"With dropout {dropout:.3g}, query {query} of {name} gives key {key} the weight {got:.6g} in "
                f"training: it should be 0 or {want:.6g}, the weight {before:.6g} divided by {1 - dropout:.3g}."
            )
    seen = kept[:, 0] > 1e-9
    dropped = gone[:, 0] & seen
    count, visible = int(dropped.sum()), int(seen.sum())
    # Six standard deviations: a fair dropout is never accused, one that is off or inverted is found.
    spread = 6 * (visible * dropout * (1 - dropout)) ** 0.5
    share = f"With dropout {dropout:.3g}, {count} of {visible} attention weights were dropped in training"
    holds(abs(count - visible * dropout) <= spread, f"{share}: about {visible * dropout:.0f} should be.")
    for axis, name in ((-1, "query"), (-2, "key")):
        partly = dropped.any(axis) & (seen & ~dropped).any(axis)
        holds(
            bool(partly.any()),
            f"{share}, but for each {name} all or none: each weight should have a chance of its own.",
        )
    holds(len(parts) < 2 or bool((dropped != dropped[0]).any()), f"{share}, the same in {' and '.join(parts)}.")
    holds(not torch.equal(first, second), "Two calls in training dropped the same weights: dropout must draw anew.")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _change(function: Callable[[Tensor], Tensor], x: Tensor, token: int, seed: int, vocab: int | None) -> Tensor:
    """How far each position (batch, tokens) moves when one token is replaced."""
    other = x.clone()
    if vocab is None:
        other[:, token] = draw.normal(seed + 3, x.shape[0], x.shape[2], dtype=x.dtype)
    else:
        other[:, token] = (x[:, token] + 1 + draw.integers(seed + 3, vocab - 1, x.shape[0])) % vocab
    before, after = verbs.call(function, x), verbs.call(function, other)
    moved: Tensor = (after - before).abs().amax(dim=-1)
    return moved
