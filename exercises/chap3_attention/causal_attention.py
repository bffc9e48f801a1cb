"""Causal self-attention: each position attends to itself and to what came before it.

Source: Build a Large Language Model (From Scratch), section 3.5; Vaswani et al. 2017, section 3.2.3.
"""

import torch
from torch import Tensor, nn


class CausalAttention(nn.Module):
    """Self-attention in which position t sees positions 0 ... t and nothing later.

    Args:
        d_in: features of an input token.
        d_out: features of a query, a key, a value, and so of the result.
        context_length: the largest number of tokens.
        dropout: the probability, in training, that an attention weight is set to zero.
        qkv_bias: whether the three projections have a bias.
    """

    mask: Tensor

    def __init__(self, d_in: int, d_out: int, context_length: int, dropout: float, qkv_bias: bool = False) -> None:
        # TODO 1: Call nn.Module's own __init__, then make the three projections W_query, W_key and W_value.
        # TODO 2: Make the dropout layer.
        # TODO 3: Make the mask: which positions lie in the future of which. It is no parameter, but must move with .to().
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Context vectors of a batch of sequences.

        Args:
            x: (batch, tokens, d_in), with at most context_length tokens.

        Returns:
            (batch, tokens, d_out)

        Raises:
            ValueError: more tokens than context_length.

        >>> attention = CausalAttention(d_in=3, d_out=2, context_length=4, dropout=0.0)
        >>> attention(torch.zeros(5, 4, 3)).shape
        torch.Size([5, 4, 2])
        """
        # TODO 1: Refuse more tokens than there are rows in the mask; name both numbers.
        # TODO 2: Project the input to queries, keys and values.
        # TODO 3: Score every query against every key; dot products grow with d_out, so divide by its root.
        # TODO 4: Hide the future, before the softmax: what is left must still sum to one.
        # TODO 5: Turn scores into weights, and drop some of them in training.
        # TODO 6: Mix the values with the weights.
        raise NotImplementedError
