"""Layer normalisation: the features of each token get mean 0 and variance 1, then a scale and a shift that are learnt.

Source: Build a Large Language Model (From Scratch), section 4.2; Ba et al. 2016, Layer Normalization, section 3.
"""

import torch
from torch import Tensor, nn


class LayerNorm(nn.Module):
    """Normalises the features of each token, and then scales and shifts each feature.

    Args:
        emb_dim: features of a token.
        eps: a small number that is added to the variance, so that nothing is divided by zero.

    `scale` and `shift`, (emb_dim,) each, are learnt; they begin at 1 and 0, where they change nothing.
    """

    def __init__(self, emb_dim: int, eps: float = 1e-5) -> None:
        # 1. Call nn.Module's own __init__, and remember eps.
        super().__init__()
        self.eps = eps
        # 2. Make the two parameters: scale, all ones, and shift, all zeros; one number for each feature.
        self.scale = nn.Parameter(torch.ones(emb_dim))
        self.shift = nn.Parameter(torch.zeros(emb_dim))

    def forward(self, x: Tensor) -> Tensor:
        """Each token, normalised by its own mean and variance, scaled and shifted.

        Args:
            x: (..., emb_dim), with any number of dimensions before the last.

        Returns:
            (..., emb_dim)

        >>> norm = LayerNorm(emb_dim=2)
        >>> norm(torch.tensor([[1.0, 3.0], [20.0, 10.0]])).round(decimals=3).tolist()
        [[-1.0, 1.0], [1.0, -1.0]]
        """
        # 1. Take the mean of each token's features; keep the last dimension, with size 1, so that it broadcasts.
        mean = x.mean(dim=-1, keepdim=True)  # (..., emb_dim) -> (..., 1)
        # 2. Subtract it: how far each feature is from the mean of its token.
        centred = x - mean  # (..., emb_dim)
        # 3. Take the variance, the mean of the squares of that: their sum, divided by emb_dim, not by emb_dim - 1.
        variance = (centred**2).mean(dim=-1, keepdim=True)  # (..., 1); x.var is much slower on a CPU
        # 4. Divide by the root of the variance plus eps.
        normalised = centred / torch.sqrt(variance + self.eps)  # (..., emb_dim)
        # 5. Scale each feature, then shift it.
        return self.scale * normalised + self.shift  # (emb_dim,) * (..., emb_dim) + (emb_dim,) -> (..., emb_dim)
