"""Ways to look inside the learner's code without demanding how it is written.

Nothing here hooks into the learner's objects: hidden quantities are revealed by the inputs and parameters chosen.
"""

import torch
from torch import Tensor, nn

from kata.laws import draw, verbs


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
