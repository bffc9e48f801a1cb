"""From text to batches of token ids, with your tokenizer or with GPT-2's."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from chap2_text.byte_pair_encoding import BytePairTokenizer, train_bpe
from chap2_text.gpt2_tokenizer import load_tokenizer
from kata.capstone.run import Run
from kata.capstone.text import Text


class Tokenizer(Protocol):
    """What both kinds of tokenizers can do."""

    vocab_size: int

    def encode(self, text: str) -> list[int]:
        """Ids below vocab_size."""

    def decode(self, ids: list[int]) -> str:
        """The text."""


class OwnTokenizer(BytePairTokenizer):
    """Your byte-pair encoding, with what it learns from the training text."""

    def __init__(self, text: str, vocab_size: int) -> None:
        vocab, merges = train_bpe(text, vocab_size)
        super().__init__(vocab, merges)
        self.vocab_size = len(vocab)


class GPT2Tokenizer:
    """GPT-2's tokenizer, of whose 50,257 tokens only those that occur in the text get an id.

    The others would make the output head ten times as large, and never be right.
    """

    def __init__(self, text: Text) -> None:
        self.gpt2 = load_tokenizer()
        self.kept = sorted({id for part in (text.train, text.held_out) for id in self.gpt2.encode_ordinary(part)})
        self.new_id = {id: new for new, id in enumerate(self.kept)}
        self.vocab_size = len(self.kept)

    def encode(self, text: str) -> list[int]:
        """The new ids of a text."""
        return [self.new_id[id] for id in self.gpt2.encode_ordinary(text)]

    def decode(self, ids: list[int]) -> str:
        """The text of new ids."""
        return self.gpt2.decode([self.kept[id] for id in ids])


def make_tokenizer(kind: str, text: Text, vocab_size: int) -> Tokenizer:
    """The tokenizer that was asked for, "own" or "gpt2"; the size is that of your own vocabulary."""
    return OwnTokenizer(text.train, vocab_size) if kind == "own" else GPT2Tokenizer(text)


def random_batches(windows: Sequence[Any], steps: int, batch_size: int, seed: int) -> list[list[int]]:
    """For each step, which windows to train on; the same seed gives the same."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(len(windows), (steps, batch_size), generator=generator).tolist()


def all_batches(windows: Sequence[Any], batch_size: int) -> list[list[int]]:
    """All windows in their order, but for those left over when the last batch is not full."""
    size = min(batch_size, len(windows))
    return torch.arange(len(windows) // size * size).view(-1, size).tolist()


def loader(windows: Any, batches: list[list[int]], run: Run) -> DataLoader[tuple[Tensor, Tensor]]:
    """Loads this process's share of each batch; all of it, if there is only one process."""
    shares = [batch[run.crew.rank :: run.crew.size] for batch in batches]
    # With a generator of its own, it draws nothing from PyTorch's: that one is for dropout.
    return DataLoader(windows, batch_sampler=shares, generator=torch.Generator())
