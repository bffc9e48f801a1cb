"""How far each training step goes: a learning rate that warms up and decays, and gradients of bounded length.

Source: Build a Large Language Model (From Scratch), appendix D; Loshchilov and Hutter 2017 (cosine decay), section 3;
Pascanu, Mikolov and Bengio 2013 (clipping by the norm), section 3.2.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor


def cosine_schedule(step: int, max_lr: float, min_lr: float, warmup_steps: int, total_steps: int) -> float:
    """The learning rate of one step: it rises in proportion to the step, then falls as a cosine does from 1 to -1.

    Args:
        step: the step that is about to be made, counted from 0.
        max_lr: the learning rate at the end of the warm-up.
        min_lr: the learning rate at total_steps and after.
        warmup_steps: the step at which max_lr is reached; with 0, there is no warm-up.
        total_steps: the step at which min_lr is reached, at least warmup_steps.

    Returns:
        The learning rate.

    >>> [cosine_schedule(step, max_lr=0.5, min_lr=0.25, warmup_steps=2, total_steps=4) for step in range(6)]
    [0.0, 0.25, 0.5, 0.375, 0.25, 0.25]
    """
    # TODO 1: Warm-up: a straight line from 0 at step 0 to max_lr at warmup_steps.
    # TODO 2: From total_steps on: min_lr.
    # TODO 3: Between the two: the part of the way down that is done, from 0 to 1.
    # TODO 4: The cosine falls from 1 to -1 meanwhile; stretch that to the way from max_lr to min_lr.
    raise NotImplementedError


def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> float:
    """Shortens all gradients together to a length of max_norm, in place, if they are longer.

    Args:
        parameters: those to be trained, as model.parameters() yields them; one whose grad is None is skipped.
        max_norm: the largest norm that all gradients, seen as one long vector, may have.

    Returns:
        The norm before.

    >>> weight, unused = torch.zeros(2, requires_grad=True), torch.zeros(3, requires_grad=True)
    >>> weight.grad = torch.tensor([30.0, 40.0])
    >>> clip_gradients([weight, unused], max_norm=5.0)
    50.0
    >>> weight.grad
    tensor([3., 4.])
    """
    # TODO 1: Collect the gradients that there are.
    # TODO 2: The norm of all of them as one vector: the root of the sum of the squares of their norms.
    # TODO 3: If it is too long, multiply each gradient, in place, by one and the same factor.
    raise NotImplementedError
