"""Byte-pair encoding: the tokenizer of GPT-2, which starts from bytes and learns what to join.

Source: Build a Large Language Model (From Scratch), section 2.5; Sennrich et al. 2016, section 3.2;
Radford et al. 2019, section 2.2.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import regex

# GPT-2's pre-tokenizer. A piece is an English contraction, or a run of letters, of digits or of other signs, each with
# at most one space before it, or a run of whitespace, which leaves its last space to the word that follows.
GPT2_PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""

# How many different pre-tokens a tokenizer remembers the ids of.
CACHE_SIZE = 100_000


def _split(text: str, special_tokens: Sequence[str], beginnings: Collection[str] = ()) -> list[str]:
    """Cuts a text into its special tokens and the pre-tokens of what stands between them; nothing is lost.

    At the very end of the text, one of `beginnings` is a piece of its own, too.

    >>> _split("to be<|end|>or not", ["<|end|>"])
    ['to', ' be', '<|end|>', 'or', ' not']
    """
    # TODO 1: Build a pattern of everything that must stay whole: its characters mean themselves; longer ones are tried
    #         before shorter ones, and beginnings, which match at the end only, before all.
    # TODO 2: Split there, if there is anything to split at; the parts at odd places are what stays whole.
    # TODO 3: Let GPT-2's pattern find the pre-tokens of the parts between.
    raise NotImplementedError


def _merge(word: Sequence[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    """Joins the pair wherever it stands in the word, from left to right.

    >>> _merge([b"a", b"a", b"a", b"b"], (b"a", b"a"))
    [b'aa', b'a', b'b']
    """
    # TODO 1: Go through the word; a part that completes the pair is joined to the one before it.
    raise NotImplementedError


def train_bpe(
    text: str, vocab_size: int, special_tokens: Sequence[str] = ()
) -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    """Learns a vocabulary: again and again, the most frequent pair of neighbours becomes a token of its own.

    Args:
        text: what to learn from.
        vocab_size: how many tokens to make: 256 bytes, the special tokens, and the rest by merging.
        special_tokens: strings that stay whole; nothing is learnt from them, and no merge reaches across one.

    Returns:
        vocab: from id to token. Ids 0 ... 255 are the bytes, then the special tokens follow, then what was merged.
        merges: the pairs that were joined, in the order in which that happened.
        Both end early when no pair is left.

    Raises:
        ValueError: vocab_size is too small for the bytes and the special tokens.

    >>> vocab, merges = train_bpe("low low lower", vocab_size=259)
    >>> merges
    [(b'o', b'w'), (b'l', b'ow'), (b' ', b'low')]
    >>> vocab[108], vocab[258]
    (b'l', b' low')
    """
    # TODO 1: Refuse a vocab_size smaller than the vocabulary is before the first merge; name both numbers.
    # TODO 2: Start with the tokens that need no learning, in the order of their ids.
    # TODO 3: Count how often each pre-token occurs, and cut each into bytes, once: the same word always merges alike.
    # TODO 4: Count every pair of neighbours, and note which words hold it, so that a merge need not search them all.
    # TODO 5: Merge while there is room for a token and a pair to make it from.
    # TODO 6: Take the most frequent pair; among equally frequent ones, the greatest.
    # TODO 7: In the words that hold it, forget the pairs there were, merge, and count the pairs there are now.
    # TODO 8: Number the tokens.
    raise NotImplementedError


class BytePairTokenizer:
    """Turns text into ids and back, with a vocabulary and merges that `train_bpe` learnt, or GPT-2's own.

    Args:
        vocab: from id to token. Any ids will do: GPT-2's do not begin with the bytes in their order.
        merges: the pairs to join; the earlier one stands, the sooner it is joined.
        special_tokens: strings, each a token of the vocabulary, that become one id wherever they stand.
    """

    def __init__(
        self,
        vocab: Mapping[int, bytes],
        merges: Sequence[tuple[bytes, bytes]],
        special_tokens: Sequence[str] = (),
    ) -> None:
        # TODO 1: Keep the vocabulary, for decoding, and its inverse, for encoding.
        # TODO 2: Give each pair its rank: its place among the merges.
        # TODO 3: Keep the special tokens, and everything that one of them may look like while it is still incomplete.
        # TODO 4: Text repeats its words: make room to remember the ids of those seen before.
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        """The ids of a text.

        >>> tokenizer = BytePairTokenizer(*train_bpe("low low lower", 260, ["<|end|>"]), ["<|end|>"])
        >>> tokenizer.encode("low<|end|>slow")
        [258, 256, 115, 258]
        """
        # TODO 1: Split the text into pieces, and string their ids together.
        raise NotImplementedError

    def encode_iterable(self, chunks: Iterable[str]) -> Iterator[int]:
        """The ids of a text that comes in chunks, cut anywhere; each id comes as soon as no later text can change it.

        >>> tokenizer = BytePairTokenizer(*train_bpe("low low lower", 259))
        >>> list(tokenizer.encode_iterable(["lo", "w l", "", "ow"])) == tokenizer.encode("low low")
        True
        """
        # TODO 1: Add each chunk to the text that waits, and let go of the pieces that no later chunk can change.
        #         Encode these very pieces: split afresh, without what followed them, they might come out differently.
        # TODO 2: After the last chunk nothing can change any more.
        raise NotImplementedError

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; bytes that are no valid UTF-8 become U+FFFD.

        >>> tokenizer = BytePairTokenizer(*train_bpe("", 256))
        >>> tokenizer.decode([195, 169]), tokenizer.decode([195])
        ('é', '\ufffd')
        """
        # TODO 1: Join the bytes of all tokens first: one character may be spread over several.
        raise NotImplementedError

    def _encode_piece(self, piece: str) -> list[int]:
        """The ids of one piece as `_split` returns it: a special token or a pre-token.

        >>> BytePairTokenizer(*train_bpe("low low lower", 259))._encode_piece(" slow")
        [32, 115, 257]
        """
        # TODO 1: Look whether the ids are known already.
        # TODO 2: A special token stays whole; anything else falls into bytes.
        # TODO 3: As long as there are neighbours to merge, merge the pair that was learnt first.
        # TODO 4: Look the ids up, and remember them while there is room.
        raise NotImplementedError

    def _settled(self, text: str) -> list[str]:
        """The first pieces of a text: those that stay as they are, whatever text may follow.

        >>> tokenizer = BytePairTokenizer({256: b"<|end|>"}, [], ["<|end|>"])
        >>> tokenizer._settled("to be"), tokenizer._settled("be  "), tokenizer._settled("they'l")
        (['to'], ['be'], ['they'])
        >>> tokenizer._settled("to be <|e"), tokenizer._settled("to be <|end|>")
        (['to', ' be'], ['to', ' be', ' ', '<|end|>'])
        """
        # TODO 1: Split the text; at its end, let the beginning of a special token count as a piece of its own.
        # TODO 2: Hold such a beginning back: whether it is one, only the text to come can tell.
        # TODO 3: Hold the last pre-token back: it may go on.
        # TODO 4: Hold an apostrophe before it back, too, if both may become one of the contractions 'll, 're and 've.
        raise NotImplementedError
