"""What the server imports and reads besides, where hundreds of changed solutions are judged in forks of it."""

import contextlib

import tiktoken
import torch._dynamo  # what the meta device imports at its first use

from kata import preload, vocabulary

__all__ = ["preload", "torch"]

with contextlib.suppress(vocabulary.VocabularyError):
    vocabulary.point_tiktoken_here()
    vocabulary.read()
    tiktoken.get_encoding("gpt2")
