"""The transformer block: attention lets tokens look at each other, a feed-forward network works on each alone.

Each of the two is a branch beside a shortcut: it works on its input normalised, and its result is added to that input
as it was before the norm.

Source: Build a Large Language Model (From Scratch), sections 4.4 and 4.5; Radford et al. 2019, Language Models are
Unsupervised Multitask Learners, section 2.3.
"""

from typing import Any

from torch import Tensor, nn

from chap3_attention.multi_head_attention import MultiHeadAttention
from chap4_gpt.feed_forward import FeedForward
from chap4_gpt.layer_norm import LayerNorm


class TransformerBlock(nn.Module):
    """Causal multi-head attention, then a feed-forward network, each with a norm before it and a shortcut around both.

    Args:
        cfg: the model's configuration, of which these are used:
            emb_dim: features of a token, and so of the result.
            context_length: the largest number of tokens.
            n_heads: how many heads the attention has; must divide emb_dim.
            drop_rate: the probability, in training, that an attention weight, or a feature of a branch, is set to zero.
            qkv_bias: whether the projections to queries, keys and values have a bias.

    Raises:
        ValueError: n_heads does not divide emb_dim.

    `att` is the attention, `norm1` the norm before it; `ff` is the feed-forward network, `norm2` the norm before it.
    """

    def __init__(self, cfg: dict[str, Any]) -> None:
        # TODO 1: Call nn.Module's own __init__, then make the attention att, from emb_dim to emb_dim features.
        # TODO 2: Make the feed-forward network ff.
        # TODO 3: Make the norms, norm1 for the attention and norm2 for ff: each learns a scale and a shift of its own.
        # TODO 4: Make the dropout for what the branches add.
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """The input, plus what the attention finds in it, plus what the feed-forward network then finds in that sum.

        Args:
            x: (batch, tokens, emb_dim), with at most context_length tokens; it is not changed.

        Returns:
            (batch, tokens, emb_dim)

        Raises:
            ValueError: more tokens than context_length.

        >>> import torch
        >>> cfg = {"emb_dim": 6, "context_length": 4, "n_heads": 2, "drop_rate": 0.1, "qkv_bias": False}
        >>> TransformerBlock(cfg)(torch.zeros(5, 4, 6)).shape
        torch.Size([5, 4, 6])
        """
        # TODO 1: The first branch: normalise, attend, drop some of what comes out. Add it to the input as it was.
        # TODO 2: The second branch, on the sum: normalise, feed forward, drop. Add it to that sum.
        raise NotImplementedError
