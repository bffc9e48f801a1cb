"""Generating text: ask the model for the next token, append it, and ask again.

Source: Build a Large Language Model (From Scratch), section 4.7.
"""

import torch
from torch import Tensor, nn


def generate_text_simple(model: nn.Module, idx: Tensor, max_new_tokens: int, context_size: int) -> Tensor:
    """Continues each sequence of a batch, always with the token that the model finds most likely (greedy decoding).

    The model generates in eval mode and without gradient; afterwards, or after an error, its mode is what it was.

    Args:
        model: ids (batch, tokens) -> logits (batch, tokens, vocab_size), for at most context_size tokens.
        idx: (batch, tokens), int64: the prompts, which may be longer than context_size.
        max_new_tokens: how many tokens to append.
        context_size: how many tokens the model is shown at most: the last ones.

    Returns:
        (batch, tokens + max_new_tokens), int64: the prompts, and what follows.

    >>> class NextNumber(nn.Module):
    ...     def forward(self, ids: Tensor) -> Tensor:
    ...         return nn.functional.one_hot((ids + 1) % 10, 10).float()
    >>> generate_text_simple(NextNumber(), torch.tensor([[3, 1], [0, 8]]), max_new_tokens=3, context_size=2)
    tensor([[3, 1, 2, 3, 4],
            [0, 8, 9, 0, 1]])
    """
    # TODO 1: Remember the mode of the model, and switch to eval mode: no dropout while generating.
    # TODO 2: Repeat the next steps for each new token, without gradient.
    # TODO 3: Show the model the last context_size tokens.
    # TODO 4: The last position is the one that knows the whole context: take the token with its largest logit.
    # TODO 5: Append it to the sequence, in a new tensor: the caller still needs the old one.
    # TODO 6: Put the mode back, whatever happened.
    raise NotImplementedError
