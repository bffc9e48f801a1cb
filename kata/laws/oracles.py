"""Naive, independent computations that laws compare with: one number at a time, no matrix product."""

import math

import torch
from torch import Tensor


def softmax_row(scores: list[float]) -> list[float]:
    """The softmax of a list of numbers; minus infinity gets weight 0.

    >>> softmax_row([0.0, 0.0, float("-inf")])
    [0.5, 0.5, 0.0]
    """
    top = max(scores)
    powers = [math.exp(score - top) for score in scores]
    return [power / sum(powers) for power in powers]


def attention_weights(queries: Tensor, keys: Tensor, scale: float, causal: bool = False) -> Tensor:
    """Attention weights (tokens, tokens) of queries and keys (tokens, dim), row by row."""
    rows = []
    for t, query in enumerate(queries.tolist()):
        seen = keys.tolist()[: t + 1] if causal else keys.tolist()
        scores = [scale * sum(a * b for a, b in zip(query, key, strict=True)) for key in seen]
        rows.append(softmax_row(scores) + [0.0] * (len(keys) - len(seen)))
    return torch.tensor(rows, dtype=queries.dtype)


def attention(queries: Tensor, keys: Tensor, values: Tensor, scale: float, causal: bool = False) -> Tensor:
    """Context vectors (tokens, d_v): for each query, the values added up with its weights."""
    context = torch.zeros(len(queries), values.shape[1], dtype=values.dtype)
    for t, weights in enumerate(attention_weights(queries, keys, scale, causal).tolist()):
        for weight, value in zip(weights, values, strict=True):
            context[t] += weight * value
    return context


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear layer (tokens, d_in) -> (tokens, d_out), output by output."""
    result = torch.stack([(x * row).sum(-1) for row in weight], dim=-1)
    return result if bias is None else result + bias
