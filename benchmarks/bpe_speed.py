"""How fast the byte-pair encoding of the solutions is: training, and encoding against tiktoken.

python -m benchmarks.bpe_speed
"""

import sys
import time
from collections.abc import Callable
from pydoc_data.topics import topics
from typing import Any

from kata import ROOT, vocabulary

MERGES = 500
ROUNDS = 3


def main() -> None:
    """Measures and prints."""
    vocabulary.point_tiktoken_here()
    vocabulary.ensure()
    sys.path.insert(0, str(ROOT / "solutions"))
    import tiktoken

    from chap2_text.byte_pair_encoding import BytePairTokenizer, train_bpe

    text = "\n".join(topics.values())
    print(f"text: {len(text.encode()):,} bytes of English and grammar (pydoc_data.topics); the best of {ROUNDS} rounds")

    seconds, (_, merges) = best(lambda: train_bpe(text, 256 + MERGES))
    print(f"train_bpe, {len(merges)} merges: {seconds:.3f} s")

    gpt2 = tiktoken.get_encoding("gpt2")
    theirs, expected = best(lambda: gpt2.encode_ordinary(text))
    print(f"tiktoken encode_ordinary: {theirs:.3f} s")
    vocab, merges = vocabulary.read()
    fresh = [BytePairTokenizer(vocab, merges) for _ in range(ROUNDS)]  # each with an empty cache
    ours, ids = best(lambda: fresh.pop().encode(text))
    print(f"BytePairTokenizer.encode, GPT-2's merges, nothing cached: {ours:.3f} s = {ours / theirs:.1f} x tiktoken")
    warm = BytePairTokenizer(vocab, merges)
    warm.encode(text)
    again, _ = best(lambda: warm.encode(text))
    print(f"the same text again, by the same tokenizer: {again:.3f} s = {again / theirs:.1f} x tiktoken")
    lines = text.splitlines(keepends=True)
    fresh = [BytePairTokenizer(vocab, merges) for _ in range(ROUNDS)]
    streamed, stream = best(lambda: list(fresh.pop().encode_iterable(lines)))
    print(
        f"encode_iterable, {len(lines):,} lines, nothing cached: {streamed:.3f} s = {streamed / theirs:.1f} x tiktoken"
    )
    print(f"ids: {len(ids):,}; equal to tiktoken's: {ids == expected and stream == expected}")


def best(work: Callable[[], Any]) -> tuple[float, Any]:
    """The shortest time of some rounds, in seconds, and the result."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


if __name__ == "__main__":
    main()
