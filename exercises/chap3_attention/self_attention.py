"""Scaled dot-product self-attention: tokens ask with queries, answer with keys, and hand over values.

Source: Build a Large Language Model (From Scratch), section 3.4; Vaswani et al. 2017, section 3.2.1.
"""

import torch
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Self-attention with trainable projections, in which every token sees every token.

    Args:
        d_in: features of an input token.
        d_out: features of a query, a key, a value, and so of the result.
        qkv_bias: whether the three projections have a bias.
    """

    def __init__(self, d_in: int, d_out: int, qkv_bias: bool = False) -> None:
        # TODO 1: Call nn.Module's own __init__, then make three linear layers: W_query, W_key and W_value.
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Context vectors of one sequence, or of any number of sequences.

        Args:
            x: (..., tokens, d_in), with any number of dimensions before the last two.

        Returns:
            (..., tokens, d_out)

        >>> attention = SelfAttention(d_in=3, d_out=2)
        >>> attention(torch.zeros(4, 3)).shape, attention(torch.zeros(6, 5, 4, 3)).shape
        (torch.Size([4, 2]), torch.Size([6, 5, 4, 2]))
        """
        # TODO 1: Project the input to queries, keys and values.
        # TODO 2: Score every query against every key, whatever dimensions come before the last two.
        # TODO 3: Dot products grow with the length of a key: divide them by its square root.
        # TODO 4: Turn each query's scores into weights over the keys, safely for large scores too.
        # TODO 5: Mix the values with the weights.
        raise NotImplementedError
