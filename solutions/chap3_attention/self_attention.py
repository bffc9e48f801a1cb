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
        # 1. Call nn.Module's own __init__, then make three linear layers: W_query, W_key and W_value.
        super().__init__()
        self.W_query = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.W_key = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.W_value = nn.Linear(d_in, d_out, bias=qkv_bias)

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
        # 1. Project the input to queries, keys and values.
        queries = self.W_query(x)  # (..., tokens, d_in) -> (..., tokens, d_out)
        keys = self.W_key(x)  # (..., tokens, d_out)
        values = self.W_value(x)  # (..., tokens, d_out)
        # 2. Score every query against every key, whatever dimensions come before the last two.
        scores = queries @ keys.transpose(
            -2, -1
        )  # (..., tokens, d_out) @ (..., d_out, tokens) -> (..., tokens, tokens)
        # 3. Dot products grow with the length of a key: divide them by its square root.
        scores = scores / keys.shape[-1] ** 0.5
        # 4. Turn each query's scores into weights over the keys, safely for large scores too.
        weights = torch.softmax(scores, dim=-1)  # (..., tokens, tokens), over the keys
        # 5. Mix the values with the weights.
        return weights @ values  # (..., tokens, tokens) @ (..., tokens, d_out) -> (..., tokens, d_out)
