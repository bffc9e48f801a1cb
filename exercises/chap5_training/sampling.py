"""Sampling: drawing the next token from what the model finds probable, with temperature, top-k and top-p.

Source: Build a Large Language Model (From Scratch), section 5.3; Fan et al. 2018, section 5.3 (top-k); Holtzman et al.
2020, section 3.1 (top-p, "nucleus sampling").
"""

import torch
from torch import Tensor, nn


def next_token_probabilities(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """How probable each token of the vocabulary is to come next, row by row.

    Args:
        logits: (batch, vocab), floating point; entries may be -inf if at least one of each row is finite.
        temperature: what the logits are divided by. Below 1 the probable tokens become more probable still; at 0, the
            limit, the largest logit gets everything, whatever top_k and top_p say.
        top_k: if given, only the top_k most probable tokens are kept, or all of them if the vocabulary has no more.
        top_p: if given, only the smallest set of the most probable tokens is kept whose mass reaches top_p: the mass in
            the distribution that temperature and top_k left, with sum one.

    Returns:
        (batch, vocab), floating point; each row sums to one.

    Raises:
        ValueError: a temperature below 0, a top_k below 1, or a top_p that is not above 0 and at most 1.

    >>> next_token_probabilities(torch.tensor([[8.0, 4.0, 2.0, 2.0]]).log(), top_p=0.7)
    tensor([[0.6667, 0.3333, 0.0000, 0.0000]])
    """
    # TODO 1: Refuse a temperature, a top_k or a top_p outside its range; name what was given and what is allowed.
    # TODO 2: At temperature 0, give the largest logit of each row a 1 and all others a 0.
    # TODO 3: Divide the logits by the temperature.
    # TODO 4: Top-k: hide what is smaller than the row's own k-th largest logit.
    # TODO 5: Turn logits into probabilities. What is hidden gets none, and what is left sums to one.
    # TODO 6: Top-p: go from the most probable token down, to the one with which the mass reaches top_p.
    # TODO 7: Put the probabilities back where they came from, and let them sum to one again.
    raise NotImplementedError


def generate(
    model: nn.Module,
    idx: Tensor,
    max_new_tokens: int,
    context_size: int,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    eos_id: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Continues each prompt token by token, each token drawn from next_token_probabilities.

    The model is used in eval mode, without gradient, and afterwards is in the mode it was in before, also after an
    error.

    Args:
        model: maps ids (batch, tokens) to logits (batch, tokens, vocab), for at most context_size tokens.
        idx: (batch, tokens), int64: the prompts, at least one token each.
        max_new_tokens: how many tokens are added at most.
        context_size: how many tokens the model gets to see: the last ones.
        temperature, top_k, top_p: as in next_token_probabilities. By default the most probable token is taken.
        eos_id: the token that ends a text. A row that has generated it is padded with it; one in the prompt ends
            nothing. Once all rows have ended, so does generation.
        generator: where all random numbers come from; if it is None, they come from PyTorch's global generator.

    Returns:
        (batch, tokens + n), int64, with n <= max_new_tokens: the prompts and what was generated.

    Raises:
        ValueError: what next_token_probabilities refuses.

    >>> next_letter = nn.Sequential(nn.Embedding.from_pretrained(torch.eye(5).roll(1, dims=1)))  # 0, 1, 2, 3, 4, 0, ...
    >>> generate(next_letter, torch.tensor([[1], [3]]), max_new_tokens=9, context_size=4, eos_id=4)
    tensor([[1, 2, 3, 4],
            [3, 4, 4, 4]])
    """
    # TODO 1: Remember the mode of every part of the model, and go to eval mode. Whatever happens, go back in the end.
    # TODO 2: Repeat the next steps until there are enough new tokens, or every row has ended.
    # TODO 3: Show the model the last context_size tokens, without gradient; take the logits of the last position.
    # TODO 4: Draw a token for each row, with random numbers from the generator.
    # TODO 5: A row that ended before gets eos_id instead; one that has drawn it just now ends here.
    # TODO 6: Append what was drawn.
    raise NotImplementedError
