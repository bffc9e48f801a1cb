"""A word tokenizer: a regular expression cuts text into tokens, a vocabulary turns tokens into ids and back.

Source: Build a Large Language Model (From Scratch), sections 2.2 to 2.4.
"""

import re
from collections.abc import Iterable

END_OF_TEXT = "<|endoftext|>"
UNKNOWN = "<|UNK|>"


def split_text(text: str) -> list[str]:
    r"""Cuts a text into tokens: words, punctuation marks, and the two special tokens.

    Args:
        text: any text.

    Returns:
        The tokens in their order, none empty. Whitespace (`\s`) is dropped. Each of `, . : ; ? _ ! " ( ) '` and `--`
        is a token of its own, read from left to right. END_OF_TEXT and UNKNOWN stay whole, also glued to a word.

    >>> split_text("Well-known -- (isn't it?)")
    ['Well-known', '--', '(', 'isn', "'", 't', 'it', '?', ')']
    >>> split_text("the end<|endoftext|>A new one")
    ['the', 'end', '<|endoftext|>', 'A', 'new', 'one']
    """
    # 1. Write the pattern of everything to cut at: special tokens, two dashes, a punctuation mark, whitespace.
    #    The special tokens hold characters that mean something in a pattern, so escape those.
    special = "|".join(re.escape(token) for token in (END_OF_TEXT, UNKNOWN))
    # The outer parentheses make re.split keep what it cuts at.
    pattern = rf"""({special}|--|[,.:;?_!"()']|\s)"""
    # 2. Cut the text there, and keep what you cut at.
    pieces = re.split(pattern, text)
    # 3. Drop the pieces that are empty or whitespace.
    return [piece for piece in pieces if piece.strip()]


def build_vocab(tokens: Iterable[str]) -> dict[str, int]:
    """Numbers the distinct tokens in sorted order, from 0; the two special tokens come last.

    Args:
        tokens: the tokens, in any order, as often as they come; a generator will do.

    Returns:
        The id of each token. END_OF_TEXT and UNKNOWN have the last two ids, in this order, and only these, whether
        or not they are among the tokens.

    >>> build_vocab(["the", "cat", "the"])
    {'cat': 0, 'the': 1, '<|endoftext|>': 2, '<|UNK|>': 3}
    """
    # 1. Take each token once, without the special ones, in sorted order.
    words = sorted(set(tokens) - {END_OF_TEXT, UNKNOWN})
    # 2. Put the special tokens behind them, and number them all.
    return {token: number for number, token in enumerate([*words, END_OF_TEXT, UNKNOWN])}


class SimpleTokenizerV1:
    """Turns text into ids and back, with a fixed vocabulary.

    Args:
        vocab: the id of each token; UNKNOWN must be among them, with any id.

    Raises:
        ValueError: the vocabulary lacks UNKNOWN.

    >>> tokenizer = SimpleTokenizerV1(build_vocab(split_text("The cat, the dog.")))
    >>> tokenizer.encode("The cow, the cat.")
    [2, 7, 0, 5, 3, 1]
    >>> tokenizer.decode([2, 7, 0, 5, 3, 1])
    'The <|UNK|>, the cat.'
    """

    def __init__(self, vocab: dict[str, int]) -> None:
        # 1. Refuse a vocabulary without UNKNOWN; say what is missing.
        if UNKNOWN not in vocab:
            raise ValueError(f"{UNKNOWN} is missing among the {len(vocab)} tokens of the vocabulary")
        # 2. Keep the way from token to id, and make the way back.
        self.str_to_int = vocab
        self.int_to_str = {number: token for token, number in vocab.items()}

    def encode(self, text: str) -> list[int]:
        """The id of each token of a text.

        Args:
            text: any text.

        Returns:
            One id for each token of split_text(text): UNKNOWN's for a token that is not in the vocabulary.

        >>> SimpleTokenizerV1({"cat": 0, "the": 1, "<|UNK|>": 2}).encode("the black cat")
        [1, 2, 0]
        """
        # 1. Split the text.
        tokens = split_text(text)
        # 2. Look up each token; what the vocabulary lacks gets the id of UNKNOWN.
        return [self.str_to_int.get(token, self.str_to_int[UNKNOWN]) for token in tokens]

    def decode(self, ids: list[int]) -> str:
        r"""The text of ids: their tokens, joined by one space each, but none before `, . : ; ? ! " ( ) '`.

        Args:
            ids: ids of the vocabulary.

        Returns:
            A text that encodes to these ids again. What whitespace there was before encoding is not known any more.

        Raises:
            KeyError: an id is not in the vocabulary.

        >>> SimpleTokenizerV1({"cat": 0, "the": 1, "!": 2, "<|UNK|>": 3}).decode([1, 3, 0, 2])
        'the <|UNK|> cat!'
        """
        # 1. Look up the token of each id, and join them with a space.
        text = " ".join([self.int_to_str[number] for number in ids])
        # 2. Take the space away again where one of the punctuation marks follows.
        return re.sub(r""" ([,.:;?!"()'])""", r"\1", text)
