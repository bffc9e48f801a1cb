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
        # 1. Call nn.Module's own __init__, then make the three projections W_query, W_key and W_value.
        super().__init__()
        self.W_query = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.W_key = nn.Linear(d_in, d_out, bias=qkv_bias)
        self.W_value = nn.Linear(d_in, d_out, bias=qkv_bias)
        # 2. Make the dropout layer.
        self.dropout = nn.Dropout(dropout)
        # 3. Make the mask: which positions lie in the future of which. It is no parameter, but must move with .to().
        future = torch.ones(context_length, context_length, dtype=torch.bool).triu(diagonal=1)
        # Not in the state_dict: weights fit models with any context_length.
        self.register_buffer("mask", future, persistent=False)

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
        # 1. Refuse more tokens than there are rows in the mask; name both numbers.
        tokens, context_length = x.shape[1], self.mask.shape[0]
        if tokens > context_length:
            raise ValueError(f"{tokens} tokens do not fit into a context_length of {context_length}")
        # 2. Project the input to queries, keys and values.
        queries = self.W_query(x)  # (batch, tokens, d_in) -> (batch, tokens, d_out)
        keys = self.W_key(x)  # (batch, tokens, d_out)
        values = self.W_value(x)  # (batch, tokens, d_out)
        # 3. Score every query against every key; dot products grow with d_out, so divide by its root.
        scores = queries @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5  # (batch, tokens, tokens)
        # 4. Hide the future, before the softmax: what is left must still sum to one.
        scores = scores.masked_fill(self.mask[:tokens, :tokens], -torch.inf)
        # 5. Turn scores into weights, and drop some of them in training.
        weights = self.dropout(torch.softmax(scores, dim=-1))  # (batch, tokens, tokens), over the keys
        # 6. Mix the values with the weights.
        return weights @ values  # (batch, tokens, tokens) @ (batch, tokens, d_out) -> (batch, tokens, d_out)
