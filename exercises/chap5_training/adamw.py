"""AdamW: steps whose length hardly depends on the gradient's size, and weight decay that is no part of the gradient.

Source: Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization, algorithm 2; Kingma and Ba 2015, Adam;
Build a Large Language Model (From Scratch), section 5.2.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class AdamW(torch.optim.Optimizer):
    """Adam with decoupled weight decay.

    Args:
        params: parameters, or dictionaries with "params" and hyper-parameters of their own: groups.
        lr: the learning rate, about the length of a step in each number.
        betas: how much of the mean gradient, and of the mean squared gradient, is kept from step to step.
        eps: added to the root of the mean squared gradient.
        weight_decay: each step takes lr · weight_decay times the parameter away from it.

    A group's hyper-parameters are read anew in each step, for a schedule may change them.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        # TODO 1: Give Optimizer the parameters, and the hyper-parameters of every group that brings none of its own.
        raise NotImplementedError

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Moves every parameter that has a gradient; leaves the gradients as they are.

        Args:
            closure: if given, called first; it computes the loss and its gradients.

        Returns:
            What the closure returned, or None.

        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> weight.grad = torch.tensor([0.001, -1000.0])
        >>> AdamW([weight], lr=0.5, weight_decay=0.0).step()
        >>> weight.data  # the first step is lr long, whatever the size of the gradient
        tensor([0.5000, 2.5000])
        """
        # TODO 1: Call the closure, if there is one, under torch.enable_grad(); its loss is the result.
        # TODO 2: Go through the parameters of every group, and record no graph. One whose gradient is None is left alone.
        raise NotImplementedError

    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """One step of one parameter, in place, with the hyper-parameters of its group."""
        # TODO 1: Look up self.state[parameter]; where it is empty, begin with a count of 0 and two means of zeros.
        # TODO 2: Count the step, and move both means a little towards the gradient and its square.
        # TODO 3: Correct the bias: both means began at zero. After t steps, divide by 1 - beta1^t and by 1 - beta2^t.
        # TODO 4: Decay the parameter itself; a decay added to the gradient would be divided by its size below.
        # TODO 5: Take off lr times the mean gradient, divided by the root of the mean square plus eps.
        raise NotImplementedError
