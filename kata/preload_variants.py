"""What the server imports and reads besides, where hundreds of changed solutions are judged in forks of it."""

import contextlib

import tiktoken

from kata import preload, vocabulary

__all__ = ["preload"]

with contextlib.suppress(vocabulary.VocabularyError):
    vocabulary.point_tiktoken_here()
    vocabulary.read()
    tiktoken.get_encoding("gpt2")
