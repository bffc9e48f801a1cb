"""Training: batch after batch, one step down the slope of the loss, with a look at the losses now and then.

Source: Build a Large Language Model (From Scratch), section 5.2.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from chap5_training.loss import calc_loss_batch, calc_loss_loader


def train_model(
    model: nn.Module,
    train_loader: Any,
    val_loader: Any,
    optimizer: torch.optim.Optimizer,
    device: torch.device | str,
    num_epochs: int,
    eval_freq: int,
    eval_iter: int,
    on_eval: Callable[[int, float, float], None] | None = None,
) -> tuple[list[float], list[float], list[int]]:
    """Trains a model, in place: every batch is one step of the optimizer, in training mode.

    Both losses are measured after the first step, and then after every eval_freq further steps: the mean over the first
    eval_iter batches of each loader, in eval mode and without gradient.

    Args:
        model: maps ids (batch, tokens) to logits (batch, tokens, vocab); it is on the device already.
        train_loader: gives pairs of input ids and target ids, (batch, tokens) each, anew in every epoch.
        val_loader: the same, of a text that is not trained on.
        optimizer: knows the model's parameters.
        device: where the model is, and where the batches go.
        num_epochs: how often all of train_loader is trained on.
        eval_freq: steps from one measurement to the next.
        eval_iter: how many batches of each loader are measured.
        on_eval: called after each measurement as on_eval(step, train_loss, val_loss), with steps counted from 0.

    Returns:
        train_losses, val_losses, tokens_seen: for each measurement both losses, and the number of input tokens that the
        model had been trained on by then.

    >>> from chap5_training.loss import perplexity
    >>> model = nn.Sequential(nn.Embedding(3, 3))  # as many logits as tokens
    >>> batch = torch.tensor([[0, 1, 2, 0]]), torch.tensor([[1, 2, 0, 1]])
    >>> sgd = torch.optim.SGD(model.parameters(), lr=10.0)
    >>> batches = [batch] * 10
    >>> _, losses, tokens = train_model(model, batches, batches, sgd, "cpu", num_epochs=6, eval_freq=25, eval_iter=1)
    >>> tokens
    [4, 104, 204]
    >>> f"{perplexity(losses[-1]):.1f}"
    '1.0'
    """
    # TODO 1: Begin with three empty lists, no step and no token.
    # TODO 2: Go through all batches of train_loader, num_epochs times. For each of them:
    # TODO 3: Be in training mode, and forget the gradients of the step before.
    # TODO 4: Compute the loss of the batch, then the gradients, then let the optimizer take its step.
    # TODO 5: Count the input tokens of the batch.
    # TODO 6: After the first step, and after every eval_freq steps more, measure both losses, in eval mode.
    # TODO 7: Append both losses and the number of tokens, and tell on_eval, if there is one.
    # TODO 8: Count the step.
    raise NotImplementedError
