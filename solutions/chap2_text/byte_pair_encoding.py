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
    # 1. Build a pattern of everything that must stay whole: its characters mean themselves; longer ones are tried
    #    before shorter ones, and beginnings, which match at the end only, before all.
    whole = [regex.escape(beginning) + r"\Z" for beginning in beginnings]
    whole += [regex.escape(special) for special in sorted(special_tokens, key=len, reverse=True)]
    # 2. Split there, if there is anything to split at; the parts at odd places are what stays whole.
    parts = regex.split(f"({'|'.join(whole)})", text) if whole else [text]
    # 3. Let GPT-2's pattern find the pre-tokens of the parts between.
    pieces: list[str] = []
    for place, part in enumerate(parts):
        pieces += [part] if place % 2 else regex.findall(GPT2_PATTERN, part)
    return pieces


def _merge(word: Sequence[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    """Joins the pair wherever it stands in the word, from left to right.

    >>> _merge([b"a", b"a", b"a", b"b"], (b"a", b"a"))
    [b'aa', b'a', b'b']
    """
    # 1. Go through the word; a part that completes the pair is joined to the one before it.
    merged: list[bytes] = []
    for part in word:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged


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
    # 1. Refuse a vocab_size smaller than the vocabulary is before the first merge; name both numbers.
    smallest = 256 + len(special_tokens)
    if vocab_size < smallest:
        raise ValueError(f"vocab_size is {vocab_size}, but bytes and special tokens alone need {smallest}")
    # 2. Start with the tokens that need no learning, in the order of their ids.
    tokens = [bytes([byte]) for byte in range(256)] + [special.encode() for special in special_tokens]
    merges: list[tuple[bytes, bytes]] = []
    # 3. Count how often each pre-token occurs, and cut each into bytes, once: the same word always merges alike.
    occurrences = Counter(piece for piece in _split(text, special_tokens) if piece not in special_tokens)
    words = [[bytes([byte]) for byte in piece.encode()] for piece in occurrences]
    times = list(occurrences.values())
    # 4. Count every pair of neighbours, and note which words hold it, so that a merge need not search them all.
    counts: Counter[tuple[bytes, bytes]] = Counter()
    holders: defaultdict[tuple[bytes, bytes], set[int]] = defaultdict(set)
    for index, word in enumerate(words):
        for pair in pairwise(word):
            counts[pair] += times[index]
            holders[pair].add(index)
    # 5. Merge while there is room for a token and a pair to make it from.
    while len(tokens) < vocab_size and counts:
        # 6. Take the most frequent pair; among equally frequent ones, the greatest.
        top = max(counts.values())
        best = max(pair for pair, count in counts.items() if count == top)
        merges.append(best)
        tokens.append(best[0] + best[1])
        # 7. In the words that hold it, forget the pairs there were, merge, and count the pairs there are now.
        for index in holders.pop(best):
            for pair in pairwise(words[index]):
                counts[pair] -= times[index]
                if counts[pair] == 0:
                    del counts[pair]  # or it would one day be the most frequent of the pairs that are gone
            words[index] = _merge(words[index], best)
            for pair in pairwise(words[index]):
                counts[pair] += times[index]
                holders[pair].add(index)
    # 8. Number the tokens.
    return dict(enumerate(tokens)), merges


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
        # 1. Keep the vocabulary, for decoding, and its inverse, for encoding.
        self._tokens = dict(vocab)
        self._ids = {token: id for id, token in vocab.items()}
        # 2. Give each pair its rank: its place among the merges.
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        # 3. Keep the special tokens, and everything that one of them may look like while it is still incomplete.
        self._special_tokens = tuple(special_tokens)
        self._beginnings = {special[:end] for special in special_tokens for end in range(1, len(special))}
        # 4. Text repeats its words: make room to remember the ids of those seen before.
        self._cache: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        """The ids of a text.

        >>> tokenizer = BytePairTokenizer(*train_bpe("low low lower", 260, ["<|end|>"]), ["<|end|>"])
        >>> tokenizer.encode("low<|end|>slow")
        [258, 256, 115, 258]
        """
        # 1. Split the text into pieces, and string their ids together.
        return [id for piece in _split(text, self._special_tokens) for id in self._encode_piece(piece)]

    def encode_iterable(self, chunks: Iterable[str]) -> Iterator[int]:
        """The ids of a text that comes in chunks, cut anywhere; each id comes as soon as no later text can change it.

        >>> tokenizer = BytePairTokenizer(*train_bpe("low low lower", 259))
        >>> list(tokenizer.encode_iterable(["lo", "w l", "", "ow"])) == tokenizer.encode("low low")
        True
        """
        # 1. Add each chunk to the text that waits, and let go of the pieces that no later chunk can change.
        #    Encode these very pieces: split afresh, without what followed them, they might come out differently.
        waiting = ""
        for chunk in chunks:
            waiting += chunk
            settled = self._settled(waiting)
            waiting = waiting[sum(map(len, settled)) :]
            for piece in settled:
                yield from self._encode_piece(piece)
        # 2. After the last chunk nothing can change any more.
        yield from self.encode(waiting)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; bytes that are no valid UTF-8 become U+FFFD.

        >>> tokenizer = BytePairTokenizer(*train_bpe("", 256))
        >>> tokenizer.decode([195, 169]), tokenizer.decode([195])
        ('é', '\ufffd')
        """
        # 1. Join the bytes of all tokens first: one character may be spread over several.
        return b"".join(self._tokens[id] for id in ids).decode("utf-8", errors="replace")

    def _encode_piece(self, piece: str) -> list[int]:
        """The ids of one piece as `_split` returns it: a special token or a pre-token.

        >>> BytePairTokenizer(*train_bpe("low low lower", 259))._encode_piece(" slow")
        [32, 115, 257]
        """
        # 1. Look whether the ids are known already.
        if piece in self._cache:
            return self._cache[piece]
        # 2. A special token stays whole; anything else falls into bytes.
        if piece in self._special_tokens:
            return [self._ids[piece.encode()]]
        word = [bytes([byte]) for byte in piece.encode()]
        # 3. As long as there are neighbours to merge, merge the pair that was learnt first.
        never = len(self._ranks)
        while len(word) > 1:
            pair = min(pairwise(word), key=lambda pair: self._ranks.get(pair, never))
            if pair not in self._ranks:
                break
            word = _merge(word, pair)
        # 4. Look the ids up, and remember them while there is room.
        ids = [self._ids[token] for token in word]
        if len(self._cache) < CACHE_SIZE:
            self._cache[piece] = ids
        return ids

    def _settled(self, text: str) -> list[str]:
        """The first pieces of a text: those that stay as they are, whatever text may follow.

        >>> tokenizer = BytePairTokenizer({256: b"<|end|>"}, [], ["<|end|>"])
        >>> tokenizer._settled("to be"), tokenizer._settled("be  "), tokenizer._settled("they'l")
        (['to'], ['be'], ['they'])
        >>> tokenizer._settled("to be <|e"), tokenizer._settled("to be <|end|>")
        (['to', ' be'], ['to', ' be', ' ', '<|end|>'])
        """
        # 1. Split the text; at its end, let the beginning of a special token count as a piece of its own.
        pieces = _split(text, self._special_tokens, self._beginnings)
        # 2. Hold such a beginning back: whether it is one, only the text to come can tell.
        if pieces and pieces[-1] in self._beginnings:
            pieces.pop()
        # 3. Hold the last pre-token back: it may go on.
        if pieces and pieces[-1] not in self._special_tokens:
            last = pieces.pop()
            # 4. Hold an apostrophe before it back, too, if both may become one of the contractions 'll, 're and 've.
            if pieces and pieces[-1] == "'" and last in ("l", "r", "v"):
                pieces.pop()
        return pieces
