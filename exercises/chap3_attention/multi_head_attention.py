"""Multi-head attention: several causal attentions side by side, first one by one, then in one matrix product.

Source: Build a Large Language Model (From Scratch), section 3.6; Vaswani et al. 2017, section 3.2.2.
"""

import torch
from torch import Tensor, nn

from chap3_attention.causal_attention import CausalAttention


class MultiHeadAttentionWrapper(nn.Module):
    """Several independent causal attentions on the same input, their results side by side.

    Args:
        d_in: features of an input token.
        d_out: features of the result of one head.
        context_length: the largest number of tokens.
        dropout: the probability, in training, that an attention weight is set to zero.
        num_heads: how many heads.
        qkv_bias: whether the projections of each head have a bias.
    """

    def __init__(
        self, d_in: int, d_out: int, context_length: int, dropout: float, num_heads: int, qkv_bias: bool = False
    ) -> None:
        # TODO 1: Call nn.Module's own __init__, then make the heads: one CausalAttention each,
        #         in a list that nn.Module knows about.
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """The context vectors of all heads, concatenated along the features.

        Args:
            x: (batch, tokens, d_in), with at most context_length tokens.

        Returns:
            (batch, tokens, num_heads * d_out); head h fills features h * d_out ... (h + 1) * d_out - 1.

        Raises:
            ValueError: more tokens than context_length.

        >>> attention = MultiHeadAttentionWrapper(d_in=3, d_out=2, context_length=4, dropout=0.0, num_heads=6)
        >>> attention(torch.zeros(5, 4, 3)).shape
        torch.Size([5, 4, 12])
        """
        # TODO 1: Give every head the whole input, and put what they return side by side, token by token.
        raise NotImplementedError


class MultiHeadAttention(nn.Module):
    """Causal attention with several heads, computed at once; their results are mixed by a last linear layer.

    Args:
        d_in: features of an input token.
        d_out: features of the result; each head has d_out / num_heads of them.
        context_length: the largest number of tokens.
        dropout: the probability, in training, that an attention weight is set to zero.
        num_heads: how many heads; must divide d_out.
        qkv_bias: whether the projections to queries, keys and values have a bias.

    Raises:
        ValueError: num_heads does not divide d_out.
    """

    mask: Tensor

    def __init__(
        self, d_in: int, d_out: int, context_length: int, dropout: float, num_heads: int, qkv_bias: bool = False
    ) -> None:
        # TODO 1: Refuse a d_out that num_heads does not divide; name both. Then call nn.Module's own __init__.
        # TODO 2: Remember how many heads there are, and how many features each one owns.
        # TODO 3: Make the projections W_query, W_key and W_value: one matrix each, for all heads together.
        # TODO 4: Make out_proj, the layer that mixes the heads; it always has a bias. Make the dropout layer.
        # TODO 5: Make the mask, as in CausalAttention.
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Context vectors of a batch of sequences.

        Args:
            x: (batch, tokens, d_in), with at most context_length tokens.

        Returns:
            (batch, tokens, d_out)

        Raises:
            ValueError: more tokens than context_length.

        >>> attention = MultiHeadAttention(d_in=3, d_out=8, context_length=4, dropout=0.0, num_heads=2)
        >>> attention(torch.zeros(5, 4, 3)).shape
        torch.Size([5, 4, 8])
        """
        # TODO 1: Refuse more tokens than there are rows in the mask; name both numbers.
        # TODO 2: Project the input to queries, keys and values, and give each head its share of the features.
        # TODO 3: Score queries against keys, head by head, and scale as a single head of head_dim features would.
        # TODO 4: Hide the future, before the softmax; the same mask serves every head.
        # TODO 5: Turn scores into weights, and drop some of them in training.
        # TODO 6: Mix the values with the weights, head by head.
        # TODO 7: Put the heads side by side again: first bring each token's heads together, then merge them.
        # TODO 8: Let out_proj mix the heads.
        raise NotImplementedError

    def _split(self, x: Tensor) -> Tensor:
        """Gives head h features h * head_dim ... (h + 1) * head_dim - 1, and brings the heads before the tokens.

        Args:
            x: (batch, tokens, d_out)

        Returns:
            (batch, num_heads, tokens, head_dim)
        """
        # TODO 1: Cut the last dimension in two: heads, and the features of each; then swap heads and tokens.
        raise NotImplementedError
