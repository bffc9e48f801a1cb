"""The GPT model: embeddings, a stack of transformer blocks, and a head that scores every token as the next one.

Source: Build a Large Language Model (From Scratch), section 4.6; Radford et al. 2019, section 2.3.
"""

from typing import Any

import torch
from torch import Tensor, nn

from chap4_gpt.layer_norm import LayerNorm
from chap4_gpt.transformer_block import TransformerBlock


class GPTModel(nn.Module):
    """Token ids in, logits out: position t scores every token of the vocabulary as the one that comes after token t.

    Args:
        cfg: the model's configuration: vocab_size, context_length, emb_dim, n_heads, n_layers, drop_rate, qkv_bias.

    `tok_emb` and `pos_emb` are embeddings: their `weight` has a row for each token, or each position. `drop_emb` drops
    some of their sum in training; `trf_blocks` holds the blocks, and can be iterated; `final_norm` normalises what the
    last block returns; `out_head`, an nn.Linear with weights of its own, makes logits of that.
    """

    def __init__(self, cfg: dict[str, Any]) -> None:
        # TODO 1: Call nn.Module's own __init__, then make the embeddings tok_emb, a row for each token of the vocabulary,
        #         and pos_emb, a row for each position of the context; and drop_emb, the dropout that follows them.
        # TODO 2: Make n_layers transformer blocks, each with parameters of its own, that follow one another.
        # TODO 3: Make the last layer norm, and the head: from emb_dim features to a logit for each token, without bias.
        raise NotImplementedError

    def forward(self, ids: Tensor) -> Tensor:
        """The logits of a batch of token sequences.

        Args:
            ids: (batch, tokens), int64, with at most context_length tokens.

        Returns:
            (batch, tokens, vocab_size); not yet probabilities: a softmax over the last dimension makes them so.

        Raises:
            ValueError: more tokens than context_length.

        >>> cfg = {"vocab_size": 50, "context_length": 8, "emb_dim": 12, "n_heads": 3, "n_layers": 2}
        >>> model = GPTModel(cfg | {"drop_rate": 0.1, "qkv_bias": False})
        >>> model(torch.tensor([[7, 49, 0], [7, 7, 7]])).shape
        torch.Size([2, 3, 50])
        """
        # TODO 1: Refuse more tokens than there are positions; name both numbers.
        # TODO 2: Look up the tokens, and the positions 0 ... tokens - 1, on the device of the ids.
        # TODO 3: Add them, and drop some of the sums in training.
        # TODO 4: Send them through the blocks, one after the other.
        # TODO 5: Normalise what comes out, and score every token of the vocabulary.
        raise NotImplementedError


def count_parameters(model: GPTModel, tied: bool = False) -> int:
    """How many numbers a model learns.

    Args:
        model: a GPTModel.
        tied: whether to count as if head and token embedding were one matrix, as in GPT-2. The numbers of that matrix
            then count once.

    Returns:
        the number of parameters; 124,412,160 for the smallest GPT-2, tied and without qkv_bias.

    >>> cfg = {"vocab_size": 50, "context_length": 8, "emb_dim": 12, "n_heads": 3, "n_layers": 2}
    >>> model = GPTModel(cfg | {"drop_rate": 0.1, "qkv_bias": False})
    >>> count_parameters(model) - count_parameters(model, tied=True)
    600
    """
    # TODO 1: Add up the numbers in every parameter.
    # TODO 2: If tied, take away those of the head: they are counted with the token embedding.
    raise NotImplementedError
