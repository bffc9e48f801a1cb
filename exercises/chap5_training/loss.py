"""The loss that language models are trained with: cross-entropy, the surprise at the token that really came next.

Source: Build a Large Language Model (From Scratch), section 5.1; Goodfellow, Bengio and Courville 2016, section 3.13.
"""

import itertools
import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean, over all positions, of minus the log of the probability that the softmax gives to the target.

    Written by hand: no cross_entropy and no nll_loss of PyTorch's; log_softmax and logsumexp are allowed.

    Args:
        logits: (..., vocab), floating point, any number of leading dimensions; entries may be as large as 1e4.
        targets: (...), int64, the index of the right token at each position.

    Returns:
        A scalar tensor in the dtype of the logits, from which backward() reaches them. It is in nats, which is what the
        natural logarithm gives; 0 is a perfect forecast.

    >>> cross_entropy(torch.zeros(2, 3, 8), torch.zeros(2, 3, dtype=torch.int64))
    tensor(2.0794)
    """
    # TODO 1: Subtract each position's largest logit: this changes no probability, and exp can no longer overflow.
    # TODO 2: The log of a softmax is the logit minus the log of the sum of all exps. First that log of the sum.
    # TODO 3: Pick the target's logit at each position.
    # TODO 4: Return the mean over all positions of minus the target's log-probability.
    raise NotImplementedError


def perplexity(loss: float | Tensor) -> float | Tensor:
    """e to the power of the cross-entropy: a model that chooses among n equally likely tokens has perplexity n.

    Args:
        loss: a cross-entropy in nats, a float or a scalar tensor.

    Returns:
        A float for a float, a scalar tensor of the same dtype for a tensor.

    >>> round(perplexity(math.log(8)), 6)
    8.0
    """
    # TODO 1: A tensor stays a tensor, and keeps its gradient.
    # TODO 2: A float becomes a float.
    raise NotImplementedError


def calc_loss_batch(
    input_batch: Tensor, target_batch: Tensor, model: Callable[[Tensor], Tensor], device: torch.device | str
) -> Tensor:
    """The loss of a model on one batch, ready for backward().

    Args:
        input_batch: (batch, tokens), int64, on any device.
        target_batch: (batch, tokens), int64, on any device: the token that follows each input token.
        model: maps ids (batch, tokens) to logits (batch, tokens, vocab); it is on the device already.
        device: where to compute.

    Returns:
        A scalar with a gradient: the mean over all tokens of the batch.

    >>> batch = torch.tensor([[1, 2, 3]])
    >>> calc_loss_batch(batch, batch, torch.nn.Embedding.from_pretrained(torch.zeros(4, 10)), "cpu")
    tensor(2.3026)
    """
    # TODO 1: Move inputs and targets to the device.
    # TODO 2: Let the model forecast, and compare with the targets.
    raise NotImplementedError


def calc_loss_loader(
    data_loader: Iterable[tuple[Tensor, Tensor]],
    model: Callable[[Tensor], Tensor],
    device: torch.device | str,
    num_batches: int | None = None,
) -> float:
    """The mean of a model's losses on the first batches of a loader, without building a graph.

    Whether the model is in training or in eval mode is the caller's choice, and stays as it was.

    Args:
        data_loader: yields (input_batch, target_batch), each (batch, tokens), int64.
        model: maps ids (batch, tokens) to logits (batch, tokens, vocab).
        device: where to compute.
        num_batches: how many batches to look at, at least 1; all of them if None or more than there are.

    Returns:
        The mean of the batch losses. A small batch counts as much as a large one.

    Raises:
        ValueError: the loader is empty.

    >>> batch = torch.tensor([[1, 2, 3]])
    >>> round(calc_loss_loader([(batch, batch)], torch.nn.Embedding.from_pretrained(torch.zeros(4, 10)), "cpu"), 4)
    2.3026
    """
    # TODO 1: Without a graph, measure the loss of the first num_batches batches; take no more from the loader than that.
    # TODO 2: Refuse to take the mean of nothing.
    # TODO 3: Return the mean of the batch losses.
    raise NotImplementedError
