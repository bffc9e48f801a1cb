"""Self-attention without trainable weights: every token becomes a mix of all tokens, weighted by how alike they are.

Source: Build a Large Language Model (From Scratch), section 3.3; Vaswani et al. 2017, section 3.2.
"""

import torch
from torch import Tensor


def attention_scores(x: Tensor) -> Tensor:
    """Scores of every token against every token: the larger, the more alike.

    Args:
        x: (tokens, dim), floating point.

    Returns:
        (tokens, tokens), the dtype of x; row q holds the dot products of token q with each token.

    >>> attention_scores(torch.tensor([[1.0, 0.0], [2.0, 3.0]]))
    tensor([[ 1.,  2.],
            [ 2., 13.]])
    """
    # 1. All the dot products are one matrix product. Do not scale them here.
    return x @ x.T  # (tokens, dim) @ (dim, tokens) -> (tokens, tokens)


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """Positive weights that sum to one along a dimension; the larger the entry, the larger its weight.

    Args:
        x: floating point, of any shape; entries may be -inf if at least one along dim is finite.
        dim: the dimension along which the weights sum to one; negative ones count from the end.

    Returns:
        The shape and dtype of x. An entry of -inf gets weight 0.

    >>> softmax(torch.tensor([[0.0, 0.0], [5000.0, -torch.inf]]))
    tensor([[0.5000, 0.5000],
            [1.0000, 0.0000]])
    """
    # 1. Subtract the largest entry along dim: this changes no weight, and exp can no longer overflow.
    shifted = x - x.amax(dim, keepdim=True)  # the largest has size 1 along dim, so that it broadcasts against x
    # 2. Exponentiate.
    powers = torch.exp(shifted)
    # 3. Divide by the sum along dim.
    return powers / powers.sum(dim, keepdim=True)


def context_vector(x: Tensor, query: int) -> Tensor:
    """What one token becomes: the sum of all tokens, each times the weight that this token gives it.

    Args:
        x: (tokens, dim), floating point.
        query: the index of the token that asks.

    Returns:
        (dim,), the dtype of x.

    >>> context_vector(torch.tensor([[1.0, 0.0], [1.0, 4.0]]), query=0)
    tensor([1., 2.])
    """
    # 1. Score every token, the query itself too, against the query.
    scores = x @ x[query]  # (tokens, dim) @ (dim,) -> (tokens,)
    # 2. Turn the scores into weights that sum to one.
    weights = softmax(scores)  # (tokens,)
    # 3. Mix the tokens with the weights.
    return weights @ x  # (tokens,) @ (tokens, dim) -> (dim,)


def context_vectors(x: Tensor) -> Tensor:
    """What all tokens become, at once.

    Args:
        x: (tokens, dim), floating point.

    Returns:
        (tokens, dim), the dtype of x; row q is context_vector(x, q).

    >>> context_vectors(torch.zeros(3, 2)).shape
    torch.Size([3, 2])
    """
    # 1. Score every token against every token.
    scores = attention_scores(x)  # (tokens, dim) -> (tokens, tokens): one row for each query
    # 2. Turn each query's scores into weights that sum to one.
    weights = softmax(scores, dim=-1)  # (tokens, tokens), over the keys
    # 3. Mix the tokens with each query's weights.
    return weights @ x  # (tokens, tokens) @ (tokens, dim) -> (tokens, dim)
