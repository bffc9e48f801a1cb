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
        # 1. Give Optimizer the parameters, and the hyper-parameters of every group that brings none of its own.
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

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
        # 1. Call the closure, if there is one, under torch.enable_grad(); its loss is the result.
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        # 2. Go through the parameters of every group, and record no graph. One whose gradient is None is left alone.
        with torch.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._move(parameter, parameter.grad, group)
        return loss

    def _move(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """One step of one parameter, in place, with the hyper-parameters of its group."""
        lr, (beta1, beta2) = group["lr"], group["betas"]
        # 1. Look up self.state[parameter]; where it is empty, begin with a count of 0 and two means of zeros.
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            state["mean"] = torch.zeros_like(parameter)
            state["mean_square"] = torch.zeros_like(parameter)
        # 2. Count the step, and move both means a little towards the gradient and its square.
        state["step"] += 1
        state["mean"].mul_(beta1).add_(gradient, alpha=1 - beta1)
        state["mean_square"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        # 3. Correct the bias: both means began at zero. After t steps, divide by 1 - beta1^t and by 1 - beta2^t.
        mean = state["mean"] / (1 - beta1 ** state["step"])
        mean_square = state["mean_square"] / (1 - beta2 ** state["step"])
        # 4. Decay the parameter itself; a decay added to the gradient would be divided by its size below.
        parameter.mul_(1 - lr * group["weight_decay"])
        # 5. Take off lr times the mean gradient, divided by the root of the mean square plus eps.
        parameter.sub_(lr * mean / (mean_square.sqrt() + group["eps"]))
