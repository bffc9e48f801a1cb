"""The feed-forward network of a transformer block, and GELU, the curve that makes it more than a linear layer.

Source: Build a Large Language Model (From Scratch), section 4.3; Hendrycks & Gimpel 2016, Gaussian Error Linear
Units, section 2.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn


class GELU(nn.Module):
    """The activation of GPT-2: a smooth relative of max(x, 0). This is the form with tanh, not the one with erf."""

    def forward(self, x: Tensor) -> Tensor:
        """0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))) of each number. Do not call PyTorch's gelu.

        Args:
            x: (...), of any shape.

        Returns:
            (...), the same shape.

        >>> GELU()(torch.tensor([-1.0, 0.0, 1.0, 10.0]))
        tensor([-0.1588,  0.0000,  0.8412, 10.0000])
        """
        # TODO 1: Compute what goes into the tanh.
        # TODO 2: Take its tanh, and move that from between -1 and 1 to between 0 and 1: this share of x passes.
        raise NotImplementedError


class FeedForward(nn.Module):
    """Two linear layers with a GELU between them, applied to each token on its own.

    Args:
        cfg: the model's configuration, of which `emb_dim`, the features of a token, is used.

    `layers` can be indexed: layers[0] is the first linear layer, layers[1] the GELU, layers[2] the second linear layer.
    """

    def __init__(self, cfg: dict[str, Any]) -> None:
        # TODO 1: Call nn.Module's own __init__.
        # TODO 2: Make the layers: up to four times as many features, a GELU, and down again; both linear layers have a bias.
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """What the layers, one after the other, make of each token.

        Args:
            x: (..., emb_dim), with any number of dimensions before the last.

        Returns:
            (..., emb_dim)

        >>> feed_forward = FeedForward({"emb_dim": 3})
        >>> feed_forward.layers[0].out_features
        12
        >>> feed_forward(torch.zeros(5, 4, 3)).shape
        torch.Size([5, 4, 3])
        """
        # TODO 1: Pass the input through the layers.
        raise NotImplementedError
