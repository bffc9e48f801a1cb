"""Sliding windows over a text: every window is an example, and the window one token further is what to predict.

Source: Build a Large Language Model (From Scratch), section 2.6.
"""

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from chap2_text.gpt2_tokenizer import load_tokenizer


class GPTDatasetV1(Dataset[tuple[Tensor, Tensor]]):
    """All windows of a text whose target fits: window k starts at token k * stride.

    Args:
        text: the text, at least max_length + 1 tokens long.
        tokenizer: anything with a method encode(text) -> list[int].
        max_length: tokens in a window.
        stride: tokens from the start of one window to the start of the next; it may be larger than max_length.

    Raises:
        ValueError: a max_length or a stride below 1, or a text of fewer than max_length + 1 tokens.

    >>> from types import SimpleNamespace
    >>> letters = SimpleNamespace(encode=lambda text: [ord(letter) for letter in text])
    >>> for inputs, targets in GPTDatasetV1("ABCDEFG", letters, max_length=3, stride=2):
    ...     print(inputs.tolist(), targets.tolist())
    [65, 66, 67] [66, 67, 68]
    [67, 68, 69] [68, 69, 70]
    """

    def __init__(self, text: str, tokenizer: Any, max_length: int, stride: int) -> None:
        # TODO 1: Refuse a max_length or a stride below 1; name what was given.
        # TODO 2: Encode the whole text; the tokenizer promises encode(text) and nothing more.
        # TODO 3: Refuse a text too short for one window and its target; name how many tokens it has, and how many it needs.
        # TODO 4: Keep the ids as one int64 tensor, and the token at which each window starts. The last start is the last
        #         one whose target still fits.
        raise NotImplementedError

    def __len__(self) -> int:
        """How many windows there are.

        >>> from types import SimpleNamespace
        >>> letters = SimpleNamespace(encode=lambda text: [ord(letter) for letter in text])
        >>> len(GPTDatasetV1("ABCDEFG", letters, max_length=3, stride=2))
        2
        """
        # TODO 1: Count the windows.
        raise NotImplementedError

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """A window and its target: the same window, moved one token to the left.

        Args:
            index: which window, from 0.

        Returns:
            input ids (max_length,) and target ids (max_length,), both int64

        Raises:
            IndexError: there is no such window. That is how Python knows where a `for` loop over the dataset ends.

        >>> from types import SimpleNamespace
        >>> letters = SimpleNamespace(encode=lambda text: [ord(letter) for letter in text])
        >>> GPTDatasetV1("ABCDEFG", letters, max_length=3, stride=2)[1]
        (tensor([67, 68, 69]), tensor([68, 69, 70]))
        """
        # TODO 1: Find the token at which the window starts; past the last window this must be an IndexError.
        # TODO 2: Cut out the input.
        # TODO 3: Cut out the target: at each place, the token that comes next.
        raise NotImplementedError


def create_dataloader_v1(
    text: str,
    batch_size: int = 4,
    max_length: int = 256,
    stride: int = 128,
    shuffle: bool = True,
    drop_last: bool = True,
    num_workers: int = 0,
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Batches of a text's windows, in the tokens of GPT-2.

    Args:
        text: the text, at least max_length + 1 tokens long. Whether it may hold the characters <|endoftext|> is up to
            you: plain tiktoken refuses to encode them.
        batch_size: windows in a batch.
        max_length: tokens in a window.
        stride: tokens from the start of one window to the start of the next.
        shuffle: whether the windows come in random order; if not, they come in the order of the text.
        drop_last: whether a last batch with fewer than batch_size windows is left out.
        num_workers: processes that load batches; 0 loads them in this one.

    Returns:
        a loader of pairs: input ids (batch, max_length) and target ids (batch, max_length), both int64

    Raises:
        ValueError: a max_length or a stride below 1, or a text of fewer than max_length + 1 tokens.

    >>> loader = create_dataloader_v1("one two three four five", batch_size=2, max_length=2, stride=1, shuffle=False)
    >>> inputs, targets = next(iter(loader))
    >>> inputs
    tensor([[ 505,  734],
            [ 734, 1115]])
    >>> targets
    tensor([[ 734, 1115],
            [1115, 1440]])
    """
    # TODO 1: Cut the text into windows, with GPT-2's tokenizer.
    # TODO 2: Let PyTorch's DataLoader shuffle and batch them; everything that was asked for must reach it.
    raise NotImplementedError
