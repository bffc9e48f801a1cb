"""What looks share: vectors for a sentence's tokens, and a matrix that the learner's code computed as a heat map."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kata.laws import draw
from kata.laws.checks import tensor
from kata.pictures import HeatMap


def vectors(ids: Sequence[int], features: int, scale: float = 1.0) -> Tensor:
    """A random vector for each id, (tokens, features), in float64: the same one wherever the token stands."""
    return scale * torch.stack([draw.normal(id, features) for id in ids])


def heat_map(
    title: str,
    caption: str,
    rows: Sequence[str],
    columns: Sequence[str],
    matrix: Any,
    axes: tuple[str, str] = ("query", "key"),
) -> HeatMap:
    """A matrix as a picture; breaks the law, with a sentence, where it is none with these rows and columns."""
    numbers = tensor(matrix, {axes[0]: len(rows), axes[1]: len(columns)}, torch.float64).detach()
    return HeatMap(title, caption, tuple(rows), tuple(columns), tuple(map(tuple, numbers.tolist())))
