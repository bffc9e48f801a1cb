"""GPT-2's own tokenizer, and how documents stand in one stream of ids: each followed by the end-of-text token.

Source: Build a Large Language Model (From Scratch), section 2.5; Radford et al. 2019, section 2.2.
"""

from collections.abc import Iterable

import tiktoken


def load_tokenizer() -> tiktoken.Encoding:
    """GPT-2's tokenizer, as the package tiktoken provides it.

    Returns:
        The encoding "gpt2": 50,257 tokens, of which the last, 50256, is the special token <|endoftext|>.

    >>> load_tokenizer().n_vocab
    50257
    """
    # TODO 1: Ask tiktoken for the encoding by its name.
    raise NotImplementedError


def encode_documents(documents: Iterable[str]) -> list[int]:
    """The ids of all documents, one after another; token 50256 follows each.

    Args:
        documents: any texts, a generator of them too. A text may be empty, and may hold the characters
            <|endoftext|>: in there they are text like any other.

    Returns:
        One flat list of ids, with as many 50256 as there are documents.

    >>> encode_documents(["Hello world", "Hi"])
    [15496, 995, 50256, 17250, 50256]
    >>> encode_documents(["<|endoftext|>"])
    [27, 91, 437, 1659, 5239, 91, 29, 50256]
    """
    # TODO 1: Encode each document by itself, as ordinary text, whatever it says.
    # TODO 2: Let the end-of-text token follow it.
    raise NotImplementedError


def decode_documents(ids: list[int]) -> list[str]:
    """The documents whose ids these are: the inverse of encode_documents.

    Args:
        ids: what encode_documents returns.

    Returns:
        One text for each 50256, the empty ones too.

    >>> decode_documents([15496, 995, 50256, 50256, 17250, 50256])
    ['Hello world', '', 'Hi']
    """
    # TODO 1: Wherever the end-of-text token stands, a document ends: decode its ids in one go, since one character
    #         may be spread over several tokens.
    # TODO 2: The next document starts behind that token.
    raise NotImplementedError
