"""What hypothesis draws: sizes, seeds, texts. Tensors are built from a seed, never drawn number by number."""

import unicodedata
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import torch
from hypothesis import assume
from hypothesis import strategies as st
from torch import Tensor

from kata.laws.calls import RECORDER


class Sizes(SimpleNamespace):
    """Named sizes: `Sizes(batch=2, tokens=3)`."""


def sizes(distinct: bool = True, **ranges: tuple[int, int]) -> st.SearchStrategy[Any]:
    """Named sizes within inclusive ranges: `sizes(batch=(1, 3), tokens=(1, 6))`.

    All distinct unless told otherwise, so that a transpose cannot hide; give equal sizes as explicit examples.
    """

    # Each size is drawn from what the earlier ones left over: filtering for distinct ones would waste most draws.
    @st.composite
    def named(draw: Any) -> Sizes:
        values: dict[str, int] = {}
        for name, (low, high) in ranges.items():
            left = [size for size in range(low, high + 1) if not distinct or size not in values.values()]
            assume(left)
            values[name] = draw(st.sampled_from(left))
        return Sizes(**values)

    return named()


seeds = st.integers(0, 2**16)
"""A seed for `generator`; small ones shrink well."""


def generator(seed: int) -> torch.Generator:
    """A generator of a law's own, so that nothing the submission does to the global one matters."""
    return torch.Generator().manual_seed(seed)


def normal(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """A tensor of normally distributed numbers; the same seed and shape give the same tensor."""
    RECORDER.drew(seed, shape)
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64).to(dtype)


def integers(seed: int, high: int, *shape: int) -> Tensor:
    """A tensor of ids in 0 ... high - 1, int64."""
    RECORDER.drew(seed, shape, high)
    return torch.randint(high, shape, generator=generator(seed))


def stand_in(kind: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """An object of the law file's own that the learner's code is given, such as a model or a loader.

    `kind` is a class or function of the law file; the case that is shown to the learner makes the object with it again.
    """
    made = kind(*arguments, **named)
    RECORDER.stands_in(kind, arguments, named, made)
    return made


# One of each kind of character that a tokenizer may treat in its own way.
CHARACTERS = (
    "abzAZ09 _\n\t.,:;?!\"'()-\u00e9\u00df\u0416\u4e2d\u3042\U0001f600\u0301\u00a0\u2003\u0661\u2019\x00\u200d|<>"
)

PIECES = (
    "the",
    " the",
    "don't",
    "'ll",
    "'S",
    "  ",
    "\n\n",
    " \n",
    "--",
    "...",
    "2026",
    "\u00e9t\u00e9",
    "\U0001f468\u200d\U0001f469",
)


def texts(*pieces: str, max_size: int = 12) -> st.SearchStrategy[str]:
    """Texts put together from `pieces` (learned tokens, special tokens), common pieces, and telling characters.

    Characters of any kind come too, but no lone surrogates and no code points that Unicode has not assigned.
    """
    piece = st.sampled_from([*pieces, *PIECES])
    character = st.sampled_from(CHARACTERS) | st.characters(exclude_categories=("Cs", "Cn"))
    parts = st.lists(piece | character, max_size=max_size)
    return parts.map("".join).filter(lambda text: all(unicodedata.category(c) != "Cn" for c in text))


def one_by_one(items: list[Any]) -> Iterator[Any]:
    """A generator that yields these items, once."""
    return RECORDER.one_by_one(items)


@st.composite
def cuts(draw: Any, text: str) -> list[str]:
    """A text cut into chunks at arbitrary places; chunks may be empty."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
