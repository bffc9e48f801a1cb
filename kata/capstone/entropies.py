"""What two simple models that only count lose on held-out text, in nats a token: what a GPT must beat.

Unigrams are smoothed by adding one (Laplace); bigrams by interpolation with the unigrams after Witten and Bell 1991:
a token that was followed by many different ones is expected to be followed by a new one.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

SMOOTHING = "unigrams smoothed by adding one, bigrams after Witten and Bell"


def unigram_loss(train: Sequence[int], held_out: Sequence[int], vocab_size: int) -> float:
    """The mean surprise of a model that knows only how frequent each token is."""
    unigram = _unigram(train, vocab_size)
    return -_mean([math.log(unigram(token)) for token in held_out[1:]])


def bigram_loss(train: Sequence[int], held_out: Sequence[int], vocab_size: int) -> float:
    """The mean surprise of a model that sees one token and knows what came after it.

    The first held-out token has none before it; the unigrams skip it, too.
    """
    unigram = _unigram(train, vocab_size)
    pairs = Counter(pairwise(train))
    firsts = Counter(train[:-1])
    kinds = Counter(first for first, _ in pairs)  # how many different tokens came after it

    def bigram(first: int, second: int) -> float:
        if not firsts[first]:
            return unigram(second)
        return (pairs[first, second] + kinds[first] * unigram(second)) / (firsts[first] + kinds[first])

    return -_mean([math.log(bigram(first, second)) for first, second in pairwise(held_out)])


def _unigram(train: Sequence[int], vocab_size: int) -> Callable[[int], float]:
    counts = Counter(train)
    return lambda token: (counts[token] + 1) / (len(train) + vocab_size)


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)
