"""The laws of byte-pair encoding.

Laws about the tokenizer take their vocabulary from a naive training of their own (`MERGES`), so that they judge the
tokenizer alone.
"""

import random
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import islice, pairwise, permutations, zip_longest

import regex
import tiktoken
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kata import vocabulary
from kata.laws import draw, verbs
from kata.laws.checks import broken, describe, equal, holds, refuses, shorten

PATTERN = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")

# Neither begins with the other, but both begin alike.
SPECIALS = ("<|endoftext|>", "<|end|>")
# Each begins with the one before it.
NESTED = ("<|a|>", "<|a|><|b", "<|a|><|b|>.the")
# All of their characters mean something in a regular expression.
METACHARACTERS = ("[PAD]", "a.b", "(end)", "$^", "\\d+", "x|y")

WORDS = st.text("abcé", min_size=1, max_size=5) | st.sampled_from(("aaaa", "abab", "don't", "2026", "...", "中文中"))
GAPS = st.sampled_from((" ", "\n", "  ", ""))


def repeated(parts: list[tuple[str, str, int]]) -> str:
    """Each word, with the gap after it, as many times as given."""
    return "".join((word + gap) * times for word, gap, times in parts)


# Few letters and some repetition: many pairs, many of them equally frequent.
CORPORA = st.lists(st.tuples(WORDS, GAPS, st.integers(1, 3)), max_size=10).map(repeated)
LETTERS = st.text("abc ", max_size=30)

# Rich in pairs that compete for the same letters, and in what a cut may go through: contractions, runs of whitespace,
# what looks like a special token. Where nothing is merged, a wrong split would not show.
CORPUS = (
    "hate heat heath hat that tea eat neat eaten haste hasten seats nests sets these then than athens tent ethane\n"
    "sheath anthem neath teeth tennant satan assent attest sea seaside sand stand hands than thee shh hath saneness\n"
    "it's there, they'll see, we'll see, you'll see, we've seen, you've seen, they've been, you're here, they're in\n\n"
    "don't 'the' the   a   an   \n\n\n   and  \n\n  1999, 2026, 2026... (the end) -- été, l'été\n\n"
    "中文中文 \U0001f600\U0001f600 aaaaaaa  <|a|> <| <|b|> <|end <|"
)


def join(word: list[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    """The oracle's merge: from left to right, place by place."""
    joined, place = [], 0
    while place < len(word):
        size = 2 if tuple(word[place : place + 2]) == pair else 1
        joined.append(b"".join(word[place : place + size]))
        place += size
    return joined


def pieces(text: str, specials: tuple[str, ...] = ()) -> list[str]:
    """The oracle's split: special tokens, the longest at each place, and the pre-tokens between them."""
    found, start, place = [], 0, 0
    while place < len(text):
        here = [special for special in specials if text.startswith(special, place)]
        if here:
            special = max(here, key=len)
            found += [*PATTERN.findall(text[start:place]), special]
            start = place = place + len(special)
        else:
            place += 1
    return found + PATTERN.findall(text[start:])


def split_words(text: str, specials: tuple[str, ...] = ()) -> list[list[bytes]]:
    """The pre-tokens of a training text, with repetitions, each a list of its bytes."""
    return [[bytes([byte]) for byte in p.encode()] for p in pieces(text, specials) if p not in specials]


def count_pairs(words: list[list[bytes]]) -> Counter[tuple[bytes, bytes]]:
    """How often each pair stands in these words; every position counts."""
    return Counter(pair for word in words for pair in pairwise(word))


def naive_merges(text: str, room: int, specials: tuple[str, ...] = ()) -> list[tuple[bytes, bytes]]:
    """The oracle's training: counts everything anew before each merge."""
    words, merges = split_words(text, specials), []
    while len(merges) < room and (counts := count_pairs(words)):
        top = max(counts.values())
        merges.append(max(pair for pair, count in counts.items() if count == top))
        words = [join(word, merges[-1]) for word in words]
    return merges


def tokens_of(merges: list[tuple[bytes, bytes]], specials: tuple[str, ...] = ()) -> dict[int, bytes]:
    """The vocabulary that belongs to these merges: bytes, special tokens, merged tokens."""
    whole = [special.encode() for special in specials]
    return dict(enumerate([*(bytes([byte]) for byte in range(256)), *whole, *(a + b for a, b in merges)]))


def naive_ids(text: str, merges: list[tuple[bytes, bytes]], specials: tuple[str, ...] = ()) -> list[int]:
    """The oracle's encoding: goes through all merges, in the order learnt, for each piece."""
    id_of = {token: id for id, token in tokens_of(merges, specials).items()}
    ids = []
    for piece in pieces(text, specials):
        word = [piece.encode()] if piece in specials else [bytes([byte]) for byte in piece.encode()]
        for pair in merges:
            if len(word) > 1:
                word = join(word, pair)
        ids += [id_of[token] for token in word]
    return ids


MERGES = naive_merges(CORPUS, 110)
# Under these names a failure says where the vocabulary of its smallest case comes from.
VOCAB, VOCAB_WITH_SPECIALS = tokens_of(MERGES), tokens_of(MERGES, SPECIALS)
VOCAB_WITH_NESTED = tokens_of(MERGES, NESTED)
BYTES, BYTES_WITH_SPECIALS = tokens_of([]), tokens_of([], SPECIALS)
LEARNT = sorted({token.decode() for token in tokens_of(MERGES).values() if len(token) > 1 and token[0] < 128})

# Words in which what was learnt overlaps, and texts of everything.
JUMBLED = st.text("aehnst", max_size=14) | st.text("aehnst' \n", max_size=14)
TEXTS = JUMBLED | draw.texts(*LEARNT, "'the", "they'll", "  the", "\n\nthe", "aaaaa", max_size=9)
ANY_TEXTS = TEXTS | st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
SPECIAL_TEXTS = draw.texts(*LEARNT, *SPECIALS, *SPECIALS, "<", "<|", "<|end", "<|endo", "text|>", "|>", "|", max_size=9)
NESTED_TEXTS = draw.texts(*NESTED, *NESTED, "<|a|", "<", "<|b", "|>", ".th", "the", max_size=9)


def train(submission, text, room, specials=()):
    """What train_bpe learns with room for this many merges, after a look at its types: the vocabulary, the merges."""
    result = verbs.call(submission.train_bpe, text, 256 + len(specials) + room, list(specials))
    pair = isinstance(result, tuple) and len(result) == 2
    holds(pair, f"train_bpe should return two things, (vocab, merges), but you returned {describe(result)}.")
    vocab, merges = result
    holds(
        isinstance(vocab, dict),
        f"The vocabulary should be a dict from id to bytes, but you returned {describe(vocab)}.",
    )
    holds(isinstance(merges, list), f"The merges should be a list of pairs, but you returned {describe(merges)}.")
    for id, token in vocab.items():
        if not isinstance(id, int) or not isinstance(token, bytes):
            broken(f"The vocabulary should map int to bytes, but maps {describe(id)} to {describe(token)}.")
    for merge in merges:
        if not (isinstance(merge, tuple) and len(merge) == 2 and all(isinstance(part, bytes) for part in merge)):
            broken(f"Each merge should be a tuple of two bytes objects, but one is {describe(merge)}.")
    return dict(vocab), [(left, right) for left, right in merges]


def replay(text, merges, specials=()):
    """For each merge: its number, the pair, and how often each pair stood in the text when it was made."""
    words = split_words(text, specials)
    for number, pair in enumerate(merges):
        yield number, pair, count_pairs(words)
        words = [join(word, pair) for word in words]


def build(submission, merges=MERGES, specials=()):
    """The learner's tokenizer, with a vocabulary that it did not have to learn itself."""
    return verbs.construct(submission.BytePairTokenizer, tokens_of(merges, specials), list(merges), list(specials))


def encodes(tokenizer, text, expected):
    """Checks the ids of a text, and that they are what a failure calls them."""
    equal(verbs.call(tokenizer.encode, text), expected, f"encode({shorten(text)})")


def streams(tokenizer, chunks, expected):
    """Checks the ids of a text that comes in chunks."""
    actual = list(verbs.call(tokenizer.encode_iterable, iter(chunks)))
    equal(actual, expected, f"what encode_iterable({shorten(chunks)}) yields")


@cache
def tiktoken_of(merges, specials):
    """tiktoken's tokenizer with the same vocabulary: it merges what has the lowest id first."""
    ids = {token: id for id, token in tokens_of(list(merges), specials).items()}
    special_ids = {special: ids.pop(special.encode()) for special in specials}
    return tiktoken.Encoding("learnt", pat_str=PATTERN.pattern, mergeable_ranks=ids, special_tokens=special_ids)


@cache
def gpt2_tokenizer(submission, specials):
    """The learner's tokenizer with GPT-2's own vocabulary and merges, built once."""
    return verbs.construct(submission.BytePairTokenizer, *vocabulary.read(), list(specials))


# Training: the vocabulary


@given(text=CORPORA)
@example(text="")
def test_the_vocabulary_begins_with_the_256_bytes(submission, text):
    """Before anything is merged, the vocabulary is the 256 bytes, each with its own value as id."""
    vocab, merges = train(submission, text, room=0)
    equal(merges, [], "the list of merges with vocab_size 256")
    same_vocabulary(vocab, tokens_of([]), "with vocab_size 256")


@given(text=CORPORA, specials=st.sampled_from([*permutations(SPECIALS), *permutations(NESTED)]), room=st.integers(0, 4))
def test_special_tokens_follow_the_bytes(submission, text, specials, room):
    """After the bytes come the special tokens, from id 256 on, in the order given."""
    vocab, _ = train(submission, text, room, specials)
    for place, special in enumerate(specials):
        equal(vocab.get(256 + place), special.encode(), f"the token with id {256 + place}, for specials {specials},")


@given(text=CORPORA, room=st.integers(0, 12), specials=st.sampled_from([(), SPECIALS]))
def test_each_merge_adds_one_token_to_the_vocabulary(submission, text, room, specials):
    """Each merge adds one token, its two parts joined, with the next free id; nothing else is in the vocabulary."""
    vocab, merges = train(submission, text, room, specials)
    same_vocabulary(vocab, tokens_of(merges, specials), after(merges))


def same_vocabulary(vocab, expected, when):
    """Checks a vocabulary id by id."""
    for id, token in expected.items():
        if id not in vocab:
            broken(
                f"The vocabulary should have {len(expected)} tokens {when}, ids from 0 on, but has none with id {id}."
            )
        equal(vocab[id], token, f"the token with id {id}, {when},")
    extra = sorted(set(vocab) - set(expected))
    holds(not extra, f"The vocabulary should have {len(expected)} tokens {when}, but it has more, with ids {extra}.")


# Training: the merges


@given(text=CORPORA, room=st.integers(1, 12), specials=st.sampled_from([(), SPECIALS]))
@example(text="éé 中中", room=3, specials=())
def test_a_merge_joins_two_tokens_that_are_there(submission, text, room, specials):
    """A merge joins two tokens that are there already: single bytes, or what earlier merges made."""
    _, merges = train(submission, text, room, specials)
    there = {bytes([byte]) for byte in range(256)}
    for number, (left, right) in enumerate(merges):
        for part in (left, right):
            if part not in there:
                broken(f"Merge {number} joins {left} and {right}, but {part} is no byte, and no merge before made it.")
        there.add(left + right)


@given(text=CORPORA, room=st.integers(1, 15))
@example(text="ab ab ab cd ce", room=1)
@example(text="abab abab abab", room=4)
def test_each_merge_joins_the_most_frequent_pair(submission, text, room):
    """Each merge joins the pair that stands in the most places of the text at that moment."""
    _, merges = train(submission, text, room)
    for number, pair, counts in replay(text, merges):
        top = max(counts.values(), default=0)
        best = [other for other, count in counts.items() if count == top]
        if counts[pair] < top:
            broken(
                f"In {shorten(text)}, {after(merges[:number])}, the pair {max(best)} stands in "
                f"{places(top)}, but you merged {pair}, which stands in {places(counts[pair])}."
            )


def after(merges):
    """Which merges were made so far, in words."""
    return f"after the merges {shorten(merges)}" if merges else "before any merge"


def places(count):
    """A number of places, in words."""
    return f"{count} place{'' if count == 1 else 's'}"


@given(letter=st.sampled_from("azB7-"), run=st.integers(5, 9), times=st.integers(1, 3))
@example(letter="a", run=5, times=1)
def test_overlapping_pairs_all_count(submission, letter, run, times):
    """In a run such as `aaa` the pair of `a` and `a` stands in two places, and both count."""
    word, pair = letter * run, (letter.encode(), letter.encode())
    rivals = times * (run - 1) - 1  # one less than the pair, but more than its places that do not overlap
    # Each on a line of its own: a line break is a pre-token of one byte, which holds no pair.
    _, merges = train(submission, "\n".join([word] * times + ["xy"] * rivals), room=1)
    equal(
        merges,
        [pair],
        f"the first merge, where 'xy' stands on {rivals} lines and {word!r}, with {run - 1} pairs, on {times} more,",
    )


@given(letter=st.sampled_from("azB7-"), run=st.sampled_from((3, 5, 7, 9)), times=st.integers(1, 3))
@example(letter="a", run=3, times=1)
def test_runs_are_merged_from_left_to_right(submission, letter, run, times):
    """A run is merged from left to right: `aaa` becomes `aa`, `a`."""
    text = "\n".join([letter * run] * times)
    _, merges = train(submission, text, room=2)
    for number, pair, counts in replay(text, merges):
        if pair not in counts:
            broken(
                f"From lines of {letter * run!r} you learnt {shorten(merges)}, but {after(merges[:number])}, "
                f"merged from left to right, the only pairs are {sorted(counts)}."
            )
    holds(len(merges) == 2, f"From lines of {letter * run!r} there are two merges to learn, but you learnt {merges}.")


@given(text=CORPORA, room=st.integers(1, 15))
@example(text="ab cd", room=1)
@example(text="ab\nab\nabx\ncy", room=2)
@example(text="ab\nab\nab\nabc\naz", room=2)
@example(text="ba\nbé\nbz", room=1)
def test_ties_go_to_the_greater_pair(submission, text, room):
    """Among equally frequent pairs the lexicographically greater is merged; bytes are compared, first parts first."""
    _, merges = train(submission, text, room)
    for number, pair, counts in replay(text, merges):
        top = max(counts.values(), default=0)
        if counts[pair] != top or not top:
            return  # not a tie: another law says what is wrong
        best = max(other for other, count in counts.items() if count == top)
        if pair != best:
            broken(
                f"In {shorten(text)}, {after(merges[:number])}, {best} and {pair} both stand in "
                f"{places(top)}. You merged {pair}, but {best} is the greater: "
                + (
                    f"{best[0]} > {pair[0]}."
                    if best[0] != pair[0]
                    else f"the first parts are equal, and {best[1]} > {pair[1]}."
                )
            )


@given(text=CORPORA, room=st.integers(0, 40), specials=st.sampled_from([(), SPECIALS]))
@example(text="", room=3, specials=())
@example(text="a\nb c", room=3, specials=())
@example(text="abcd", room=9, specials=())
@example(text="abcd", room=2, specials=())
@example(text="abcd", room=2, specials=SPECIALS)
def test_it_stops_at_vocab_size_or_when_no_pair_is_left(submission, text, room, specials):
    """Training stops at vocab_size, or earlier when no pair is left, but not while there is a pair, however rare."""
    _, merges = train(submission, text, room, specials)
    beside = "the 256 bytes" + (f" and {len(specials)} special tokens" if specials else "")
    given = f"In a vocab_size of {256 + len(specials) + room} there is room for {room} merges beside {beside}"
    holds(len(merges) <= room, f"{given}, but you made {len(merges)}.")
    words = split_words(text)
    for pair in merges:
        words = [join(word, pair) for word in words]
    left = count_pairs(words)
    if len(merges) < room and left:
        pair, count = max(left.items(), key=lambda item: item[1])
        broken(
            f"{given}, but you stopped after {len(merges)}, though the pair {pair} still stands in {places(count)} of "
            f"{shorten(text)}."
        )


@given(text=CORPORA, room=st.integers(1, 15))
@example(text="a b a b a b", room=2)
@example(text="1a1a1a", room=1)
def test_no_merge_crosses_a_pre_token(submission, text, room):
    """No merge crosses from one pre-token into the next: every token learnt lies inside one."""
    _, merges = train(submission, text, room)
    lie_inside(text, merges, ())


def lie_inside(text, merges, specials):
    """Checks that every merged token is part of a pre-token of the text outside its special tokens."""
    found = [piece.encode() for piece in pieces(text, specials) if piece not in specials]
    for left, right in merges:
        if not any(left + right in piece for piece in found):
            stand = f"special tokens ({', '.join(specials)}) and pre-tokens, " if specials else "pre-tokens, "
            broken(
                f"You merged {left} and {right}, but {left + right} is part of no pre-token of {shorten(text)}, which "
                f"falls into {stand}these: {shorten(pieces(text, specials))}."
            )


@given(
    parts=st.lists(CORPORA | st.sampled_from(("endof", "<|end", "ab|>", "<|a")), min_size=1, max_size=5),
    specials=st.sampled_from([SPECIALS, NESTED, METACHARACTERS]),
    seed=draw.seeds,
    room=st.integers(1, 12),
)
@example(parts=["ab", "ab", "ab"], specials=SPECIALS, seed=0, room=3)
@example(parts=["ab ", " ab", ""], specials=SPECIALS, seed=1, room=3)
def test_special_tokens_cut_the_training_text(submission, parts, specials, seed, room):
    """No merge crosses or enters a special token: nothing is learnt from it, and what it parts stays apart."""
    text = between(parts, specials, seed)
    _, merges = train(submission, text, room, specials)
    lie_inside(text, merges, specials)
    for number, pair, counts in replay(text, merges, specials):
        top = max(counts.values(), default=0)
        if counts[pair] < top:
            broken(
                f"In {shorten(text)} with the special tokens {specials}, {after(merges[:number])}, "
                f"you merged {pair}, which stands in {places(counts[pair])} outside the special tokens; "
                f"{max(counts, key=counts.__getitem__)} stands in {places(top)}."
            )


def between(parts, specials, seed):
    """The parts of a text with a special token after each."""
    chosen = random.Random(seed)
    return "".join(part + chosen.choice(specials) for part in parts)


@given(text=CORPORA, room=st.integers(0, 12), less=st.integers(0, 12))
def test_a_smaller_vocabulary_is_the_beginning_of_a_larger_one(submission, text, room, less):
    """A smaller vocab_size learns the same tokens, only fewer."""
    vocab, merges = train(submission, text, room)
    fewer, first = train(submission, text, max(room - less, 0))
    equal(first, merges[: len(first)], f"the merges with vocab_size {256 + max(room - less, 0)} (not {256 + room})")
    equal(fewer, {id: vocab.get(id) for id in fewer}, "the smaller vocabulary")


@given(missing=st.integers(1, 256), specials=st.sampled_from([(), SPECIALS, METACHARACTERS]))
@example(missing=1, specials=())
@example(missing=1, specials=SPECIALS)
def test_a_vocab_size_below_the_start_is_refused(submission, missing, specials):
    """A vocab_size too small for bytes and special tokens is refused, by a ValueError that names both numbers."""
    smallest = 256 + len(specials)
    vocab_size = smallest - missing
    given = f"vocab_size {vocab_size} with {len(specials)} special tokens"
    refuses(
        lambda: verbs.call(submission.train_bpe, "ab ab", vocab_size, list(specials)),
        given,
        naming=[vocab_size, smallest],
    )


@given(text=CORPORA | draw.texts(), room=st.integers(0, 30))
@example(text=CORPUS, room=40)
def test_training_learns_what_recounting_everything_learns(submission, text, room):
    """Merges are the same as when every pair is counted anew before each of them."""
    _, merges = train(submission, text, room)
    equal(merges, naive_merges(text, room), f"the list of merges learnt from {shorten(text)}")


# The tokenizer


@given(text=ANY_TEXTS)
@example(text="")
@example(text="é中\U0001f600")
def test_without_merges_a_text_is_its_bytes(submission, text):
    """Without merges, the ids of a text are its UTF-8 bytes; the empty text has none."""
    encodes(build(submission, merges=[]), text, list(text.encode()))


@given(text=ANY_TEXTS | SPECIAL_TEXTS, specials=st.sampled_from([(), SPECIALS]))
@example(text="", specials=())
@example(text="\u00e9 e\u0301 \u212b", specials=())  # the same to the eye, but not the same text
@example(text="\ufeff a\r\n\r\0 ", specials=())  # nothing is tidied up
@example(text="中\U0001f600<|end|>", specials=SPECIALS)
def test_decoding_gives_the_text_back(submission, text, specials):
    """Whatever the text, decoding its ids gives it back."""
    tokenizer = build(submission, specials=specials)
    equal(verbs.call(tokenizer.decode, verbs.call(tokenizer.encode, text)), text, "the decoded text")


@settings(max_examples=50)
@given(text=TEXTS, count=st.sampled_from((1, 5, 20, len(MERGES))))
@example(text="athean", count=len(MERGES))
@example(text="aaaaaaa", count=len(MERGES))
def test_what_was_learnt_first_is_merged_first(submission, text, count):
    """Within a pre-token, the pair that was learnt first is merged first, until none is left: tiktoken's ids."""
    expected = tiktoken_of(tuple(MERGES[:count]), ()).encode_ordinary(text)
    encodes(build(submission, MERGES[:count]), text, expected)


@given(text=TEXTS)
@example(text="'the")
@example(text="  the")
def test_encoding_merges_inside_pre_tokens_only(submission, text):
    """A text is encoded pre-token by pre-token: no merge joins the end of one to the beginning of the next."""
    tokenizer = build(submission)
    alone = [id for piece in pieces(text) for id in tokenizer.encode(piece)]
    equal(
        verbs.call(tokenizer.encode, text),
        alone,
        f"encode({shorten(text)}), whose pre-tokens are {shorten(pieces(text))},",
    )


@settings(max_examples=50)
@given(text=JUMBLED | SPECIAL_TEXTS, seed=draw.seeds)
@example(text="athean the cat<|end|>", seed=0)  # its pairs meet in another order than their tokens' ids
def test_ids_are_those_of_the_vocabulary(submission, text, seed):
    """The vocabulary alone says which id a token has, even a byte, and the order of merges alone what is merged."""
    vocab = tokens_of(MERGES, SPECIALS)
    numbers = list(range(len(vocab)))
    random.Random(seed).shuffle(numbers)
    renumbered = {numbers[id]: token for id, token in vocab.items()}
    tokenizer = verbs.construct(submission.BytePairTokenizer, renumbered, list(MERGES), list(SPECIALS))
    expected = [numbers[id] for id in naive_ids(text, MERGES, SPECIALS)]
    equal(tokenizer.encode(text), expected, f"encode({shorten(text)}), with tokens numbered in another order,")
    equal(tokenizer.decode(expected), text, "the decoded text, with tokens numbered in another order,")


@settings(max_examples=50)
@given(corpus=LETTERS | CORPORA, room=st.integers(0, 15), text=LETTERS | CORPORA | TEXTS)
def test_ids_are_those_of_a_naive_encoder(submission, corpus, room, text):
    """Whatever was learnt, the ids are those of going through all merges, in the order learnt, for each pre-token."""
    merges = naive_merges(corpus, room)
    encodes(build(submission, merges), text, naive_ids(text, merges))


# The tokenizer: special tokens


@given(before=TEXTS, special=st.sampled_from(SPECIALS), after=TEXTS)
@example(before="the", special="<|end|>", after="cat")
@example(before="the ", special="<|end|>", after=" cat")
@example(before="", special="<|end|>", after="<|endoftext|>")
def test_special_tokens_stay_whole(submission, before, special, after):
    """A special token is one id wherever it stands, and what it parts is encoded as if it stood alone."""
    tokenizer = build(submission, specials=SPECIALS)
    expected = [*tokenizer.encode(before), 256 + SPECIALS.index(special), *tokenizer.encode(after)]
    encodes(tokenizer, before + special + after, expected)


@given(text=SPECIAL_TEXTS)
@example(text="<|end|>")
@example(text="<|endoftext|>")
def test_only_special_tokens_it_was_given_are_special(submission, text):
    """A tokenizer that was given no special tokens takes their characters for ordinary text."""
    tokenizer = verbs.construct(submission.BytePairTokenizer, tokens_of(MERGES, SPECIALS), list(MERGES))
    encodes(tokenizer, text, [id if id < 256 else id + len(SPECIALS) for id in naive_ids(text, MERGES)])


@given(text=NESTED_TEXTS, specials=st.permutations(NESTED))
@example(text="<|a|><|b|>.the", specials=NESTED)
@example(text="<|a|><|b|>.the", specials=NESTED[::-1])
def test_the_longest_special_token_wins(submission, text, specials):
    """Where one special token is the beginning of another, the longest that stands there is taken."""
    encodes(build(submission, MERGES, tuple(specials)), text, naive_ids(text, MERGES, tuple(specials)))


@given(text=draw.texts(*METACHARACTERS, "PAD", "axb", "123", "\\d", "(", "end", "x"))
@example(text="PAD [PAD] axb a.b 123")
def test_the_characters_of_a_special_token_mean_themselves(submission, text):
    """The characters of a special token mean themselves, also those that mean something in a regular expression."""
    encodes(build(submission, specials=METACHARACTERS), text, naive_ids(text, MERGES, METACHARACTERS))


@given(text=SPECIAL_TEXTS)
def test_with_special_tokens_ids_are_tiktokens(submission, text):
    """With special tokens, too, the ids are those of tiktoken with the same vocabulary."""
    expected = tiktoken_of(tuple(MERGES), SPECIALS).encode(text, allowed_special="all")
    encodes(build(submission, specials=SPECIALS), text, expected)


# The tokenizer: GPT-2, decoding, and keeping to itself


@settings(max_examples=12)
@given(
    text=draw.texts("<|endoftext|>", " tokenizer", "Unbelievably", " don't", "    return", "über", "12345", max_size=7),
    told=st.booleans(),
)
@example(text="Hello, world! It's 2026.<|endoftext|>  Ünïcödé \U0001f600\n\n", told=True)
@example(text="Hello, world!<|endoftext|>", told=False)
def test_with_gpt2s_vocabulary_it_yields_gpt2s_ids(submission, gpt2, text, told):
    """Given GPT-2's own vocabulary and merges, it yields GPT-2's ids, and reads them back."""
    tokenizer = gpt2_tokenizer(submission, ("<|endoftext|>",) if told else ())
    expected = gpt2.encode(text, allowed_special="all") if told else gpt2.encode_ordinary(text)
    encodes(tokenizer, text, expected)
    equal(tokenizer.decode(expected), text, "the text decoded from GPT-2's ids")


@given(
    ids=st.lists(
        st.integers(0, 257 + len(MERGES)) | st.sampled_from((195, 169, 228, 184, 173, 237, 160, 255)), max_size=10
    )
)
@example(ids=[])
@example(ids=[195])
@example(ids=[104, 195, 105])
@example(ids=[237, 160, 128])
def test_bytes_that_are_no_text_decode_to_the_replacement_character(submission, ids):
    """Any ids decode: bytes that are no valid UTF-8 become U+FFFD, and the text around them stays."""
    vocab = tokens_of(MERGES, SPECIALS)
    joined = b"".join(vocab[id] for id in ids)
    actual = verbs.call(build(submission, specials=SPECIALS).decode, ids)
    holds(isinstance(actual, str), f"decode({ids}) should return a str, but you returned {describe(actual)}.")
    # How many of them stand for a row of invalid bytes is free.
    expected = regex.sub("\ufffd+", "\ufffd", joined.decode("utf-8", errors="replace"))
    equal(regex.sub("\ufffd+", "\ufffd", actual), expected, f"what the bytes {joined} decode to")


@given(first=SPECIAL_TEXTS, second=SPECIAL_TEXTS)
@example(first="the cat", second="the hat")
def test_each_text_is_encoded_as_if_it_were_the_first(submission, first, second):
    """What was encoded before, and what became of its ids, changes nothing."""
    tokenizer = build(submission, specials=SPECIALS)
    for text in (first, second, first):
        ids = tokenizer.encode(text)
        equal(
            ids, naive_ids(text, MERGES, SPECIALS), f"encode({shorten(text)}), among {shorten([first, second, first])},"
        )
        ids.reverse()  # the caller may do with its ids what it likes
        ids.append(0)


@given(text=SPECIAL_TEXTS)
def test_vocabulary_and_merges_stay_as_they_are(submission, text):
    """The vocabulary, the merges and the special tokens that it is given stay as they are."""
    vocab, merges, specials = tokens_of(MERGES, SPECIALS), list(MERGES), list(SPECIALS)
    tokenizer = verbs.call(submission.BytePairTokenizer, vocab, merges, specials)
    tokenizer.decode(tokenizer.encode(text))
    list(tokenizer.encode_iterable([text]))
    equal(vocab, tokens_of(MERGES, SPECIALS), "the vocabulary after use")
    equal(merges, MERGES, "the list of merges after use")
    equal(specials, list(SPECIALS), "the list of special tokens after use")


# The tokenizer: text that comes in chunks


@settings(max_examples=50)
@given(chunks=TEXTS.flatmap(draw.cuts))
@example(chunks=[])
@example(chunks=["", "the", "", ""])
@example(chunks=["the c", "at"])
@example(chunks=["the", " cat"])
@example(chunks=["the  ", " cat"])
@example(chunks=["the ", "\n", "\ncat"])
@example(chunks=["e", "\u0301", "t"])
def test_chunks_cut_anywhere_give_the_ids_of_the_whole_text(submission, chunks):
    """Wherever a text is cut into chunks, its ids are those of the whole text; at the end nothing is missing."""
    streams(build(submission), chunks, naive_ids("".join(chunks), MERGES))


@given(text=TEXTS)
@example(text="they'll 'tis we're you've 'll 'v 're'")
@example(text="  the \n\ncat\n\n\n  and  ")
@example(text="\n\nthe")
@example(text="中文 2026......été")
def test_a_text_may_come_character_by_character(submission, text):
    """A text that comes character by character has the ids of the whole: contractions, runs of whitespace and all."""
    streams(build(submission), list(text), naive_ids(text, MERGES))


@settings(max_examples=50)
@given(chunks=SPECIAL_TEXTS.flatmap(draw.cuts))
@example(chunks=["the<|en", "d|>cat"])
@example(chunks=["the<|endof", "cat"])
@example(chunks=["the <", "cat"])
@example(chunks=["the  <|en", "cat"])
@example(chunks=["the  <|en", "d|>cat"])
@example(chunks=["the  <", "|end|>cat"])
@example(chunks=["they'l", "<|", "end|>l"])
@example(chunks=["the<|end|>", "cat<|endo"])
@example(chunks=list("a<|end<|end|><|endoftext|"))
def test_a_special_token_may_be_cut(submission, chunks):
    """A special token that is cut is still one id, and what only began like one is ordinary text."""
    streams(build(submission, specials=SPECIALS), chunks, naive_ids("".join(chunks), MERGES, SPECIALS))


@given(chunks=NESTED_TEXTS.flatmap(draw.cuts), specials=st.permutations(NESTED))
@example(chunks=["<|a|>", "<|b|>.the"], specials=NESTED)
@example(chunks=["<|a|><|", "cat"], specials=NESTED)
@example(chunks=["<|a|><|b|>.th", "at"], specials=NESTED)
def test_a_chunk_may_end_where_a_longer_special_token_goes_on(submission, chunks, specials):
    """A special token at the end of a chunk waits for the longer one whose beginning it is."""
    specials = tuple(specials)
    streams(build(submission, specials=specials), chunks, naive_ids("".join(chunks), MERGES, specials))


@given(word=st.sampled_from(("the ", " cat", "été\n", "2026 ")), count=st.integers(6, 30))
def test_ids_come_before_the_chunks_have_ended(submission, word, count):
    """Ids come while the text is still coming: the stream may be longer than the memory."""
    asked = []
    chunks = (asked.append(number) or word for number in range(count))
    stream = build(submission).encode_iterable(chunks)
    holds(
        isinstance(stream, Iterator),
        f"encode_iterable should return an iterator that yields ids one by one, but you returned {describe(stream)}.",
    )
    first = list(islice(stream, 1))
    equal(first, naive_ids(word, MERGES)[:1], f"the first id of a stream of {count} chunks {word!r}")
    holds(
        len(asked) < count,
        f"All {count} chunks {word!r} were read before the first id came out, though it was known after the second.",
    )


@given(
    chunks=(draw.texts("the ", " cat", ",", ".", "  ", "<|end", "<|", *SPECIALS, max_size=25)).flatmap(draw.cuts),
    specials=st.sampled_from([(), SPECIALS]),
)
@example(chunks=["the cat and the hat and the cat", " and the cat"], specials=())
@example(chunks=["a,b,c,d,e,f,", "g"], specials=())
@example(chunks=["中文。中文。中文。中文。", "中"], specials=())
@example(chunks=["a cat and a hat<|end|>", "a cat and a hat <|end", "of"], specials=SPECIALS)
@example(chunks=["I am at a bus stop in Rome ", "now"], specials=SPECIALS)
def test_no_more_is_held_back_than_may_still_change(submission, chunks, specials):
    """It holds back only the tail whose split may still change: whitespace, the last word, the beginning of a special
    token.
    """
    out: list[int] = []
    seen = ""

    def source():
        nonlocal seen
        for number, chunk in enumerate(chunks):
            check(number)
            seen += chunk
            yield chunk
        check(len(chunks))

    def check(number):
        # Whitespace and a contraction that has only begun make at most three pieces that may wait.
        settled = pieces(seen[: beginning_of_a_special(seen, specials)], specials)[:-3]
        if len(out) < (must := sum(ids_without_merges(piece, specials) for piece in settled)):
            broken(
                f"After the chunks {shorten(chunks[:number])} the first {must} ids were settled, those of "
                f"{shorten(''.join(settled))}, but only {len(out)} came out before the next chunk was asked for."
            )

    for id in build(submission, [], specials).encode_iterable(source()):
        out.append(id)


def beginning_of_a_special(text, specials):
    """Where, at the end of a text, a special token may have begun; the length of the text if nowhere."""
    place = 0
    while place < len(text):
        if any(special != text[place:] and special.startswith(text[place:]) for special in specials):
            return place
        place += max((len(special) for special in specials if text.startswith(special, place)), default=1)
    return len(text)


def ids_without_merges(piece, specials):
    """How many ids a piece has where nothing is merged."""
    return 1 if piece in specials else len(piece.encode())


@given(one=SPECIAL_TEXTS.flatmap(draw.cuts), other=SPECIAL_TEXTS.flatmap(draw.cuts))
@example(one=["the ", "cat ", "and"], other=["a ", "hat ", "then"])
def test_two_streams_do_not_mix(submission, one, other):
    """Two streams of one tokenizer, read in turn, do not mix."""
    tokenizer = build(submission, specials=SPECIALS)
    in_turn = list(zip_longest(tokenizer.encode_iterable(iter(one)), tokenizer.encode_iterable(iter(other))))
    for place, chunks in enumerate((one, other)):
        ids = [pair[place] for pair in in_turn if pair[place] is not None]
        equal(
            ids,
            naive_ids("".join(chunks), MERGES, SPECIALS),
            f"what the stream {shorten(chunks)} yields beside another",
        )


def probe(submission):
    """Calls that tell the misconceptions apart."""
    two = [(b"a", b"b"), (b"b", b"c")]

    def trained(text, room, *specials):
        def learnt():
            vocab, merges = submission.train_bpe(text, 256 + len(specials) + room, list(specials))
            return [merges, [(id, token) for id, token in sorted(vocab.items()) if id in (0, 97) or id > 255]]

        return learnt

    def smallest(vocab_size, *specials):
        return lambda: len(submission.train_bpe("ab", vocab_size, list(specials))[0])

    def encoded(text, merges=MERGES, specials=()):
        return lambda: build(submission, merges, specials).encode(text)

    def renumbered(text):
        vocab = {257 - id: token for id, token in tokens_of(two).items()}
        return lambda: submission.BytePairTokenizer(vocab, list(two)).encode(text)

    def decoded(*ids):
        return lambda: build(submission, two).decode(list(ids))

    def again():
        tokenizer = build(submission, two)
        ids = [tokenizer.encode("ab xy ab"), tokenizer.encode("ab")]
        ids[1].append(0)
        return [*ids, tokenizer.encode("ab")]

    def merges_after():
        merges = list(two)
        submission.BytePairTokenizer(tokens_of(two), merges)
        return merges

    def streamed(chunks, merges=MERGES, specials=()):
        return lambda: list(build(submission, merges, specials).encode_iterable(iter(chunks)))

    def prompt(*chunks, specials=()):
        def each_time():
            """Whether, each time a chunk is asked for, no more waits than the law allows."""
            answers, out, seen = [], [], ""

            def source():
                nonlocal seen
                for chunk in [*chunks, ""]:
                    settled = pieces(seen[: beginning_of_a_special(seen, specials)], specials)[:-3]
                    answers.append(len(out) >= sum(ids_without_merges(piece, specials) for piece in settled))
                    seen += chunk
                    yield chunk

            for id in build(submission, [], specials).encode_iterable(source()):
                out.append(id)
            return answers

        return each_time

    def two_streams():
        tokenizer = build(submission)
        one, other = (tokenizer.encode_iterable(iter(text)) for text in ("the cat and", "a hat, then"))
        return list(zip_longest(one, other))

    return [
        # A line break keeps words apart and makes no pair. Only in the first three does it matter how ties are broken.
        trained("ab\ncd\nab\ncd", 1),
        trained("bd\nabc\nabc\nbd\nab", 2),
        trained("abc\nabc\nazz\nazz\nab\nab\nab\nzz\nzz", 3),
        trained("aaaaa\nxy\nxy\nxy", 1),
        trained("aaab\naaac", 2),
        trained("ab\nab\nab\ncd\ncde", 2),
        trained("abc\nabc\nab", 2),
        trained("ab", 5),
        trained("a b a b a b", 1),
        trained("a1\na1,", 2),
        trained("\u00e9 \u00e9", 2),
        trained("ab<|end|>ab<|end|>abc", 2, *SPECIALS),
        trained("x<|end|>y x<|end|>y", 3, *SPECIALS),
        smallest(256),
        smallest(257, *SPECIALS),
        smallest(258, *SPECIALS),
        encoded("abcab", two),
        encoded("aaaaa", [(b"a", b"a")]),
        encoded("athean hasten ethane"),
        encoded("'the  they'll"),
        encoded("\u00e9 e\u0301", []),
        renumbered("abc"),
        renumbered("xyz"),
        encoded("a<|end|>b", two, SPECIALS),
        encoded("<|endoftext|>"),
        encoded("<|a|><|b|>.the", MERGES, NESTED),
        encoded("PAD [PAD] axb a.b", MERGES, METACHARACTERS),
        decoded(195, 169),
        decoded(104, 195, 105),
        again,
        merges_after,
        streamed(["see\n\n", "the"], [*two, (b"\n", b"\n")]),
        streamed(list("they'll see")),
        streamed(["the<|en", "d|>cat"], two, SPECIALS),
        streamed(["the  <|en", "cat"], MERGES, SPECIALS),
        streamed(["<|a|>", "<|b|>.the"], two, NESTED),
        prompt("the cat and the hat", " and"),
        prompt(*["a "] * 9),
        prompt(*["a cat and a\n"] * 3),
        prompt("a bus at a stop in Rome", " now", specials=SPECIALS),
        two_streams,
    ]
