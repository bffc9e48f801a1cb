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
        # 1. Call nn.Module's own __init__, then make the embeddings tok_emb, a row for each token of the vocabulary,
        #    and pos_emb, a row for each position of the context; and drop_emb, the dropout that follows them.
        super().__init__()
        self.tok_emb = nn.Embedding(cfg["vocab_size"], cfg["emb_dim"])
        self.pos_emb = nn.Embedding(cfg["context_length"], cfg["emb_dim"])
        self.drop_emb = nn.Dropout(cfg["drop_rate"])
        # 2. Make n_layers transformer blocks, each with parameters of its own, that follow one another.
        self.trf_blocks = nn.Sequential(*(TransformerBlock(cfg) for _ in range(cfg["n_layers"])))
        # 3. Make the last layer norm, and the head: from emb_dim features to a logit for each token, without bias.
        self.final_norm = LayerNorm(cfg["emb_dim"])
        self.out_head = nn.Linear(cfg["emb_dim"], cfg["vocab_size"], bias=False)

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
        # 1. Refuse more tokens than there are positions; name both numbers.
        tokens, context_length = ids.shape[1], self.pos_emb.num_embeddings
        if tokens > context_length:
            raise ValueError(f"{tokens} tokens do not fit into a context_length of {context_length}")
        # 2. Look up the tokens, and the positions 0 ... tokens - 1, on the device of the ids.
        token_rows = self.tok_emb(ids)  # (batch, tokens) -> (batch, tokens, emb_dim)
        position_rows = self.pos_emb(torch.arange(tokens, device=ids.device))  # (tokens, emb_dim)
        # 3. Add them, and drop some of the sums in training.
        x = self.drop_emb(token_rows + position_rows)  # (batch, tokens, emb_dim)
        # 4. Send them through the blocks, one after the other.
        x = self.trf_blocks(x)  # (batch, tokens, emb_dim)
        # 5. Normalise what comes out, and score every token of the vocabulary.
        logits: Tensor = self.out_head(self.final_norm(x))  # (batch, tokens, emb_dim) -> (batch, tokens, vocab_size)
        return logits


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
    # 1. Add up the numbers in every parameter.
    total = sum(parameter.numel() for parameter in model.parameters())
    # 2. If tied, take away those of the head: they are counted with the token embedding.
    return total - model.out_head.weight.numel() if tied else total
