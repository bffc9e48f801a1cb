"""Ways to look inside the learner's code without demanding how it is written: watch operators, reveal what is hidden.

Nothing here hooks into the learner's objects: hidden quantities are revealed by the inputs and parameters chosen.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from kata.laws import draw, verbs


class _Watcher(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(func.name().removeprefix("aten::"))
        return func(*args, **(kwargs or {}))


@contextmanager
def operators() -> Iterator[list[str]]:
    """Lists the names of PyTorch's operators that really run in the block, however the code spells them.

    >>> with operators() as seen:
    ...     nn.Softmin(dim=0)(torch.zeros(2))
    tensor([0.5000, 0.5000])
    >>> seen
    ['neg', '_softmax']
    """
    with _Watcher() as watcher:
        yield watcher.seen


def reveal_weights(attention: nn.Module, tokens: int, seed: int) -> Tensor:
    """Rigs an attention module so that its result *is* its attention weights; returns the input x (tokens, d_in).

    The last features of each token say which token it is, the others are random. The values become just the last ones,
    so that mixing them gives the weights: feature j of the result of query q is the weight of key j modulo `tokens`. So
    d_in must be larger than `tokens`, and d_out a multiple of it: several heads, or several copies of the weights.
    """
    weight = verbs.parameter(attention, "W_value.weight")
    d_out, d_in = weight.shape
    extra = d_in - tokens
    names = torch.eye(tokens, d_in, dtype=torch.float64).roll(extra, dims=1)
    verbs.write(weight, names.repeat(d_out // tokens, 1))
    verbs.write(getattr(attention.W_value, "bias", None), 0.0)
    return torch.cat([draw.normal(seed, tokens, extra), torch.eye(tokens, dtype=torch.float64)], dim=1)


def score_scale(queries: Tensor, keys: Tensor, weights: Tensor, causal: bool = False) -> float:
    """By what the dot products of queries and keys (tokens, dim) were multiplied before the softmax gave these weights.

    The ratio of two weights of a query tells the difference of their scores; the best common factor is returned.
    """
    products = norm = 0.0
    for t, query in enumerate(queries):
        seen = t + 1 if causal else len(keys)
        raw = (keys[:seen] * query).sum(-1)
        logs = weights[t, :seen].clamp(min=1e-300).log()
        raw, logs = raw - raw.mean(), logs - logs.mean()
        products += (raw * logs).sum().item()
        norm += (raw * raw).sum().item()
    return products / norm if norm else float("nan")
