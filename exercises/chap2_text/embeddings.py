"""Token and position embeddings: a table row for what a token is, plus a table row for where it stands.

Source: Build a Large Language Model (From Scratch), sections 2.7 and 2.8; Radford et al. 2018, section 3.1.
"""

import torch
from torch import Tensor, nn


class TokenEmbedding(nn.Module):
    """A table with a row of emb_dim learnable numbers for each token of the vocabulary.

    Args:
        vocab_size: rows of the table.
        emb_dim: numbers in a row.
    """

    def __init__(self, vocab_size: int, emb_dim: int) -> None:
        # TODO 1: Call nn.Module's own __init__.
        # TODO 2: Make the table `weight`, filled with normally distributed numbers, and register it as a parameter.
        raise NotImplementedError

    def forward(self, ids: Tensor) -> Tensor:
        """The row of each id: what multiplying the table by one-hot vectors gives, without the multiplying.

        Args:
            ids: (...), int64, each from 0 to vocab_size - 1.

        Returns:
            (..., emb_dim)

        Raises:
            IndexError: an id outside the vocabulary.

        >>> embedding = TokenEmbedding(vocab_size=10, emb_dim=3)
        >>> rows = embedding(torch.tensor([[7, 2], [0, 7]]))
        >>> rows.shape
        torch.Size([2, 2, 3])
        >>> torch.equal(rows[0, 0], rows[1, 1])
        True
        """
        # TODO 1: Raise an IndexError for an id outside the vocabulary; Python's own indexing would take -1 for the last row.
        # TODO 2: Look up one row for each id.
        raise NotImplementedError


class PositionEmbedding(nn.Module):
    """A table with a row of emb_dim learnable numbers for each position of the context.

    Args:
        context_length: rows of the table.
        emb_dim: numbers in a row.
    """

    def __init__(self, context_length: int, emb_dim: int) -> None:
        # TODO 1: Call nn.Module's own __init__.
        # TODO 2: Make the table `weight`, as for tokens.
        raise NotImplementedError

    def forward(self, num_tokens: int) -> Tensor:
        """The rows of positions 0 ... num_tokens - 1.

        Args:
            num_tokens: how many positions, at most context_length.

        Returns:
            (num_tokens, emb_dim)

        Raises:
            ValueError: more tokens than context_length.

        >>> embedding = PositionEmbedding(context_length=6, emb_dim=3)
        >>> torch.equal(embedding(4), embedding(6)[:4])
        True
        """
        # TODO 1: Refuse more tokens than the table has rows; name both numbers. A slice alone would just be shorter.
        # TODO 2: Take the first rows.
        raise NotImplementedError


class InputEmbedding(nn.Module):
    """What a GPT's first block sees: the embedding of each token plus the embedding of its position.

    Args:
        vocab_size: tokens in the vocabulary; GPT-2's by default.
        emb_dim: numbers in an embedding.
        context_length: the largest number of tokens.
    """

    def __init__(self, vocab_size: int = 50257, emb_dim: int = 256, context_length: int = 1024) -> None:
        # TODO 1: Call nn.Module's own __init__, then make the two embeddings, token_emb and pos_emb.
        raise NotImplementedError

    def forward(self, ids: Tensor) -> Tensor:
        """Embeddings of a batch of token sequences.

        Args:
            ids: (batch, tokens), int64, with at most context_length tokens.

        Returns:
            (batch, tokens, emb_dim)

        Raises:
            IndexError: an id outside the vocabulary.
            ValueError: more tokens than context_length.

        >>> embedding = InputEmbedding(vocab_size=10, emb_dim=3, context_length=4)
        >>> rows = embedding(torch.tensor([[7, 7]]))
        >>> rows.shape
        torch.Size([1, 2, 3])
        >>> torch.equal(rows[0, 0], rows[0, 1])  # the same token, elsewhere
        False
        """
        # TODO 1: Look up the tokens, and as many positions as there are tokens.
        # TODO 2: Add them; every sequence of the batch gets the same positions.
        raise NotImplementedError
