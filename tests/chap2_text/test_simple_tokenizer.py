"""The laws of the simple tokenizer."""

import torch
from hypothesis import example, given
from hypothesis import strategies as st

from kata.laws import draw, verbs
from kata.laws.checks import describe, equal, holds, raises, refuses, shorten

END_OF_TEXT = "<|endoftext|>"
UNKNOWN = "<|UNK|>"
MARKS = list(",.:;?_!\"()'")
NO_SPACE_BEFORE = list(",.:;?!\"()'")


def tokens_of(text):
    """The tokens of a text, found character by character."""
    tokens, word, place = [], "", 0
    while place < len(text):
        cut = next((cut for cut in (END_OF_TEXT, UNKNOWN, "--", *MARKS) if text.startswith(cut, place)), "")
        if cut or text[place].isspace():
            tokens += [piece for piece in (word, cut) if piece]
            word = ""
        else:
            word += text[place]
        place += len(cut) or 1
    return tokens + [word] * bool(word)


def written(tokens):
    """A text that these tokens make: spaces only where a word or a dash would run into the next."""
    text = ""
    for left, right in zip(["", *tokens], tokens, strict=False):
        runs_together = left and left not in (*MARKS, END_OF_TEXT, UNKNOWN)
        text += " " * bool(runs_together and right not in (*MARKS, END_OF_TEXT, UNKNOWN)) + right
    return text


def vocabulary(tokens, seed):
    """A vocabulary of these tokens and the special ones, numbered in an order that follows the seed."""
    distinct = sorted({*tokens, END_OF_TEXT, UNKNOWN})
    return dict(zip(distinct, torch.randperm(len(distinct), generator=draw.generator(seed)).tolist(), strict=True))


def split(submission, text):
    """The tokens that split_text cuts a text into: a list of strings."""
    tokens = verbs.call(submission.split_text, text)
    is_list = isinstance(tokens, list) and all(isinstance(token, str) for token in tokens)
    holds(
        is_list, f"split_text should return a list of strings, but for {shorten(text)} you returned {describe(tokens)}."
    )
    return tokens


def tokenizer_of(submission, vocab):
    """A tokenizer with this vocabulary."""
    return verbs.call(submission.SimpleTokenizerV1, vocab)


def plain(vocab):
    """What build_vocab returned, as a plain dictionary."""
    holds(
        isinstance(vocab, dict), f"The vocabulary should be a dict of token to id, but you returned {describe(vocab)}."
    )
    return dict(vocab)


# The separators U+001C to U+001F are left out: `re` counts them as whitespace, the library `regex` does not.
TEXTS = draw.texts(END_OF_TEXT, UNKNOWN, f"a{END_OF_TEXT}b", f"{UNKNOWN},", "<|endof", "----", '("', max_size=8).filter(
    lambda text: not set(text) & set("\x1c\x1d\x1e\x1f")
)
TELLING_WORDS = ["the", "The", "THE", "a", "well-known", "-5", "-", "3", "<|unk|>", "<|", "naïve", "中文", "e=mc²"]
WORDS = st.sampled_from(TELLING_WORDS) | st.text(
    "abZ09-*/%<|>[]\\^$\u00e9\u0416\u4e2d\U0001f600\u0301\u200d\u2019\u2014\u00b2", min_size=1, max_size=5
).filter(lambda word: tokens_of(word) == [word])
SPECIALS = st.sampled_from([END_OF_TEXT, UNKNOWN])
TOKENS = WORDS | st.sampled_from([*MARKS, "--"]) | SPECIALS
GAPS = st.text(" \n\t\r\v\f\x85\u00a0\u2003\u2028\u3000", min_size=1, max_size=3)


@given(words=st.lists(WORDS, max_size=6), gaps=st.lists(GAPS, min_size=7, max_size=7))
@example(words=["a", "cat"], gaps=["\n", "  ", " \t", " ", " ", " ", " "])
@example(words=["a", "cat"], gaps=[" ", "\u00a0", "\u3000", " ", " ", " ", " "])
def test_whitespace_separates_words(submission, words, gaps):
    """Whitespace of any kind and length separates words, and is no token itself."""
    text = "".join(gap + word for gap, word in zip(gaps, words, strict=False)) + gaps[-1]
    equal(split(submission, text), words, f"the tokens of {shorten(text)}")


@given(tokens=st.lists(WORDS | st.sampled_from(MARKS), max_size=6), mark=st.sampled_from(MARKS), word=WORDS)
@example(tokens=["a", ",", "b"], mark="_", word="a")
@example(tokens=["isn", "'", "t"], mark=".", word="1")
@example(tokens=[".", ".", "."], mark=")", word="a")
def test_each_punctuation_mark_is_a_token(submission, tokens, mark, word):
    """Each punctuation mark is a token of its own, kept, wherever it stands."""
    tokens = [*tokens, mark, word]
    text = written(tokens)
    equal(split(submission, text), tokens, f"the tokens of {shorten(text)}")


@given(word=WORDS)
@example(word="Well-known")
@example(word="100%")
@example(word="na\u00efve")
@example(word="cafe\u0301")
@example(word="it\u2019s")
@example(word="x<|unk|>y")
def test_a_word_is_cut_nowhere_else(submission, word):
    """A word stays in one piece, as it is: single dashes, digits, symbols, letters of any script belong to it."""
    tokens = split(submission, word)
    # Two words may look alike and yet be made of different characters.
    what = f"the number of characters in {shorten(tokens)}, the tokens of {shorten(word)},"
    equal(len("".join(tokens)), len(word), what)
    equal(tokens, [word], f"the tokens of {shorten(word)}")


@given(text=TEXTS)
def test_nothing_but_whitespace_is_lost(submission, text):
    """Put together again, the tokens are the text without its whitespace."""
    tokens = split(submission, text)
    what = f"the text that {shorten(tokens)}, the tokens of {shorten(text)}, make together"
    equal("".join(tokens), "".join(text.split()), what)


@given(text=TEXTS)
@example(text="")
@example(text=" \n")
@example(text="(a), b.")
def test_no_token_is_empty_or_holds_whitespace(submission, text):
    """No token is empty, and none holds whitespace."""
    tokens = split(submission, text)
    for place, token in enumerate(tokens):
        holds(token != "", f"Token {place} of {shorten(text)} is empty: you returned {shorten(tokens)}.")
        holds(
            token == "".join(token.split()),
            f"Token {place} of {shorten(text)} is {token!r}, which holds whitespace: you returned {shorten(tokens)}.",
        )
    equal(split(submission, f"{text} a")[-1:], ["a"], f"the last token of {shorten(f'{text} a')}")


@given(left=WORDS, dashes=st.integers(1, 3), right=WORDS)
@example(left="wait", dashes=1, right="what")
@example(left="wait", dashes=2, right="what")
def test_two_dashes_are_one_token(submission, left, dashes, right):
    """Two dashes are one token, also between two words without a space."""
    left, right = f"a{left}".rstrip("-"), f"{right}z".lstrip("-")
    text = left + "--" * dashes + right
    equal(split(submission, text), [left, *["--"] * dashes, right], f"the tokens of {shorten(text)}")


@given(
    before=st.lists(WORDS | st.sampled_from(MARKS), max_size=3), special=SPECIALS, after=st.lists(TOKENS, max_size=3)
)
@example(before=["end"], special=END_OF_TEXT, after=["Start"])
@example(before=["a"], special=UNKNOWN, after=["b"])
@example(before=[], special=UNKNOWN, after=[END_OF_TEXT])
def test_special_tokens_stay_whole(submission, before, special, after):
    """<|endoftext|> and <|UNK|> are one token each, wherever they stand, also glued to a word."""
    tokens = [*before, special, *after]
    text = written(tokens)
    equal(split(submission, text), tokens, f"the tokens of {shorten(text)}")


@given(text=TEXTS)
@example(text=f"x{END_OF_TEXT},--_{UNKNOWN}'s<|")
def test_any_text_is_cut_by_the_rule(submission, text):
    """Any text is cut at whitespace, at punctuation, at two dashes and at the special tokens, and nowhere else."""
    equal(split(submission, text), tokens_of(text), f"the tokens of {shorten(text)}")


@given(words=st.lists(WORDS | st.sampled_from([*MARKS, "--"]), max_size=8))
@example(words=["b", "a", "C", "-", "10", "9"])
@example(words=[])
def test_sorted_tokens_are_numbered_from_zero(submission, words):
    """The distinct tokens, in sorted order, have the ids 0, 1, 2 and so on; the two special tokens follow."""
    vocab = plain(verbs.call(submission.build_vocab, words))
    expected = {token: number for number, token in enumerate([*sorted(set(words)), END_OF_TEXT, UNKNOWN])}
    equal(vocab, expected, f"the vocabulary of {shorten(words)}")


@given(words=st.lists(WORDS, max_size=6))
@example(words=["~", "\u4e2d"])
@example(words=[])
def test_the_special_tokens_come_last(submission, words):
    """<|endoftext|> and <|UNK|> have the last two ids, in this order, whatever the words."""
    vocab = plain(verbs.call(submission.build_vocab, words))
    for token, number in ((END_OF_TEXT, len(set(words))), (UNKNOWN, len(set(words)) + 1)):
        found = vocab.get(token)
        holds(
            found == number,
            f"The id of {token} in the vocabulary of {shorten(words)} should be {number}, "
            f"since {len(set(words))} distinct words come before, but you gave it {found}.",
        )


@given(words=st.lists(WORDS, max_size=6), specials=st.lists(SPECIALS, min_size=1, max_size=3), seed=draw.seeds)
@example(words=["a", "b"], specials=[END_OF_TEXT], seed=0)
@example(words=["a", "b"], specials=[UNKNOWN, UNKNOWN], seed=0)
def test_special_tokens_have_one_id_each(submission, words, specials, seed):
    """Special tokens among the tokens change nothing: they have their id at the end, and no id is left unused."""
    tokens = [*words, *specials]
    tokens = [tokens[place] for place in torch.randperm(len(tokens), generator=draw.generator(seed)).tolist()]
    vocab = plain(verbs.call(submission.build_vocab, tokens))
    equal(sorted(vocab.values()), list(range(len(vocab))), f"the sorted ids of the vocabulary of {shorten(tokens)}")
    expected = plain(verbs.call(submission.build_vocab, words))
    for token in expected:
        equal(vocab.get(token), expected[token], f"the id of {token!r} in the vocabulary of {shorten(tokens)}")
    equal(sorted(vocab), sorted(expected), f"the tokens in the vocabulary of {shorten(tokens)}")


@given(tokens=st.lists(TOKENS, max_size=6), seed=draw.seeds)
@example(tokens=["a", "b", "c", "d"], seed=1)
def test_neither_order_nor_repetition_matters(submission, tokens, seed):
    """The same tokens in another order, or more often, have the same vocabulary."""
    again = [*tokens, *tokens[:2]]
    again = [again[place] for place in torch.randperm(len(again), generator=draw.generator(seed)).tolist()]
    first, second = plain(verbs.call(submission.build_vocab, tokens)), plain(verbs.call(submission.build_vocab, again))
    ids = {token: (first.get(token), second.get(token)) for token in [*first, *second]}
    for token, (one, other) in ids.items():
        holds(one == other, f"{token!r} has the id {one} for {shorten(tokens)}, but {other} for {shorten(again)}.")


@given(tokens=st.lists(TOKENS, max_size=6))
@example(tokens=["b", "a", UNKNOWN, "a"])
def test_tokens_may_come_from_any_iterable(submission, tokens):
    """The tokens may be a list, a tuple, a set, or a generator that yields each one once."""
    expected = plain(verbs.call(submission.build_vocab, list(tokens)))
    for kind, given_tokens in (
        ("a tuple", tuple(tokens)),
        ("a set", set(tokens)),
        ("a generator", draw.one_by_one(tokens)),
    ):
        try:
            vocab = plain(verbs.call(submission.build_vocab, given_tokens))
        except (TypeError, AttributeError) as error:
            holds(False, f"Tokens that come from {kind}, not a list, made you raise {type(error).__name__}: {error}.")
        holds(
            vocab == expected,
            f"The vocabulary of {shorten(tokens)} should be {shorten(expected)}, as it is for the list, but is "
            f"{shorten(vocab)} where the tokens come from {kind}.",
        )


@given(tokens=st.lists(TOKENS, max_size=6), seed=draw.seeds)
@example(tokens=["a", ",", "b"], seed=0)
@example(tokens=[], seed=0)
def test_each_token_becomes_its_id(submission, tokens, seed):
    """Each token of the text becomes its id, also the one whose id is 0."""
    vocab = vocabulary(tokens, seed)
    text = written(tokens)
    ids = verbs.call(tokenizer_of(submission, vocab).encode, text)
    equal(ids, [vocab[token] for token in tokens], f"the ids of {shorten(text)} in the vocabulary {shorten(vocab)}")


@given(known=st.lists(WORDS, max_size=4), tokens=st.lists(TOKENS, min_size=1, max_size=5), seed=draw.seeds)
@example(known=["a"], tokens=["a", "b", "a", ","], seed=0)
@example(known=["The", "the"], tokens=["THE"], seed=1)
@example(known=[], tokens=["x", "y"], seed=1)
def test_an_unknown_token_becomes_the_unknown_id(submission, known, tokens, seed):
    """A token that is not in the vocabulary becomes the id of <|UNK|>, whatever id that is; one for each."""
    vocab = vocabulary(known, seed)
    text = written(tokens)
    expected = [vocab[token] if token in vocab else vocab[UNKNOWN] for token in tokens]
    try:
        ids = verbs.call(tokenizer_of(submission, vocab).encode, text)
    except KeyError as error:
        missing = f"which the vocabulary {shorten(vocab)} does not have, should become {vocab[UNKNOWN]}"
        holds(False, f"The token {error} of {shorten(text)}, {missing}, the id of {UNKNOWN}, but you raised KeyError.")
    equal(ids, expected, f"the ids of {shorten(text)} in the vocabulary {shorten(vocab)}")


@given(text=TEXTS, seed=draw.seeds, has_end=st.booleans())
@example(text="Hello,world--a_b", seed=0, has_end=True)
@example(text=f"a{END_OF_TEXT}b", seed=0, has_end=True)
@example(text=f"a{END_OF_TEXT}b", seed=0, has_end=False)
def test_text_is_encoded_token_by_token(submission, text, seed, has_end):
    """A text has one id for each token that split_text cuts it into."""
    tokens = tokens_of(text)
    vocab = vocabulary(tokens[::2], seed)
    if not has_end:  # <|endoftext|> is then a token like any other that the vocabulary lacks
        kept = sorted(vocab.keys() - {END_OF_TEXT}, key=vocab.get)
        vocab = {token: number for number, token in enumerate(kept)}
    expected = [vocab[token] if token in vocab else vocab[UNKNOWN] for token in tokens]
    ids = verbs.call(tokenizer_of(submission, vocab).encode, text)
    equal(ids, expected, f"the ids of {shorten(text)}, whose tokens are {shorten(tokens)}, in {shorten(vocab)}")


@given(tokens=st.lists(WORDS | st.sampled_from(MARKS), max_size=5), has_end=st.booleans())
@example(tokens=[], has_end=False)
@example(tokens=["<|unk|>"], has_end=True)
def test_a_vocabulary_without_unknown_is_refused(submission, tokens, has_end):
    """A vocabulary without <|UNK|> is refused, at once, by a ValueError that says so; any other is welcome."""
    distinct = sorted({*tokens, *[END_OF_TEXT] * has_end})
    vocab = {token: number for number, token in enumerate(distinct)}
    given_vocab = f"the vocabulary {shorten(vocab)}, which lacks {UNKNOWN},"
    # `<|UNK|>` or the constant's name, both tell what is missing.
    refuses(lambda: verbs.construct(submission.SimpleTokenizerV1, vocab), given_vocab, naming=["UNK"])
    vocab = {UNKNOWN: 0} | {token: number + 1 for token, number in vocab.items()}
    try:
        tokenizer_of(submission, vocab)
    except ValueError as error:
        holds(False, f"The vocabulary {shorten(vocab)} has {UNKNOWN}, with the id 0, but you refused it: {error}.")


@given(words=st.lists(WORDS | SPECIALS, max_size=5), seed=draw.seeds)
@example(words=["the", "cat", "the"], seed=0)
@example(words=[], seed=0)
def test_words_are_joined_by_one_space(submission, words, seed):
    """Decoded words are joined by one space, with none at the beginning or at the end."""
    vocab = vocabulary(words, seed)
    ids = [vocab[word] for word in words]
    text = verbs.call(tokenizer_of(submission, vocab).decode, ids)
    equal(text, " ".join(words), f"the text of the tokens {shorten(words)}")


@given(
    words=st.lists(WORDS | st.sampled_from([*NO_SPACE_BEFORE, "."]), max_size=4),
    mark=st.sampled_from(NO_SPACE_BEFORE),
    word=WORDS,
    seed=draw.seeds,
)
@example(words=["Hello"], mark=",", word="world", seed=0)
@example(words=["a", ".", "."], mark=".", word="b", seed=0)
@example(words=["f"], mark="(", word="x", seed=0)
def test_no_space_stands_before_punctuation(submission, words, mark, word, seed):
    """Decoded text has no space before , . : ; ? ! " ( ) ' and one behind, unless another of them follows."""
    tokens = [*words, mark, word]
    vocab = vocabulary(tokens, seed)
    text = verbs.call(tokenizer_of(submission, vocab).decode, [vocab[token] for token in tokens])
    expected = "".join(token if token in NO_SPACE_BEFORE else f" {token}" for token in tokens).lstrip(" ")
    equal(text, expected, f"the text of the tokens {shorten(tokens)}")


@given(left=TOKENS, dash=st.sampled_from(["--", "_", "-"]), right=WORDS | SPECIALS, seed=draw.seeds)
@example(left="wait", dash="--", right="what", seed=0)
@example(left="snake", dash="_", right="case", seed=0)
def test_a_space_stands_before_dashes(submission, left, dash, right, seed):
    """Decoded text keeps the space before -- and before _ as before a word."""
    tokens = [left, dash, right]
    vocab = vocabulary(tokens, seed)
    text = verbs.call(tokenizer_of(submission, vocab).decode, [vocab[token] for token in tokens])
    equal(text, " ".join(tokens), f"the text of the tokens {tokens}")


@given(words=st.lists(WORDS, max_size=5), seed=draw.seeds, off=st.integers(0, 5))
@example(words=["a", "b"], seed=0, off=0)
def test_an_id_outside_the_vocabulary_is_a_key_error(submission, words, seed, off):
    """Decoding an id that the vocabulary does not have raises KeyError; negative ids are outside too."""
    vocab = vocabulary(words, seed)
    tokenizer = tokenizer_of(submission, vocab)
    for number in (len(vocab) + off, -1 - off):
        given_id = f"the id {number}, in a vocabulary of ids 0 to {len(vocab) - 1},"
        for ids in ([number], [0, number]):
            try:
                raises(KeyError, lambda ids=ids: tokenizer.decode(ids), given_id)
            except (IndexError, ValueError, TypeError) as error:
                holds(False, f"T{given_id[1:]} should raise KeyError, but it raised {type(error).__name__}.")


@given(tokens=st.lists(TOKENS, max_size=6), seed=draw.seeds)
@example(tokens=["a", "--", ",", "_", UNKNOWN, "'", "s"], seed=0)
def test_decoded_ids_encode_to_themselves(submission, tokens, seed):
    """What ids decode to encodes to the same ids again."""
    vocab = vocabulary(tokens, seed)
    ids = [vocab[token] for token in tokens]
    tokenizer = tokenizer_of(submission, vocab)
    text = verbs.call(tokenizer.decode, ids)
    equal(verbs.call(tokenizer.encode, text), ids, f"the ids of {shorten(text)}, which {shorten(ids)} decoded to,")


@given(text=TEXTS, seed=draw.seeds)
@example(text="Hello, world -- it's (almost) me!", seed=0)
def test_known_text_comes_back_up_to_whitespace(submission, text, seed):
    """Text of known tokens comes back from its ids; only whitespace may have changed."""
    vocab = vocabulary(tokens_of(text), seed)
    tokenizer = tokenizer_of(submission, vocab)
    back = verbs.call(tokenizer.decode, verbs.call(tokenizer.encode, text))
    holds(isinstance(back, str), f"The text of ids should be a string, but you returned {describe(back)}.")
    what = f"what {shorten(text)} comes back as, {shorten(back)}, without whitespace"
    equal("".join(back.split()), "".join(text.split()), what)


@given(text=TEXTS, seed=draw.seeds)
@example(text=f"new {UNKNOWN}{END_OF_TEXT} words, unheard-of", seed=0)
def test_unknown_tokens_stay_unknown(submission, text, seed):
    """Decoded and encoded again, any text has the same ids: what was unknown stays <|UNK|>."""
    tokenizer = tokenizer_of(submission, vocabulary(tokens_of(text)[::2], seed))
    ids = verbs.call(tokenizer.encode, text)
    back = verbs.call(tokenizer.decode, ids)
    equal(verbs.call(tokenizer.encode, back), ids, f"the ids of {shorten(back)}, which {shorten(text)} came back as,")


@given(text=TEXTS, seed=draw.seeds)
@example(text="never heard", seed=0)
def test_the_vocabulary_stays_as_it_was(submission, text, seed):
    """Neither building a tokenizer nor using it changes the vocabulary."""
    vocab = vocabulary(["a", ","], seed)
    before = dict(vocab)
    tokenizer = tokenizer_of(submission, vocab)
    tokenizer.decode(tokenizer.encode(text))
    changed = {token: vocab.get(token) for token in {*vocab, *before} if vocab.get(token) != before.get(token)}
    holds(
        not changed, f"After encoding and decoding {shorten(text)}, the vocabulary had changed, at {shorten(changed)}."
    )


@given(words=st.lists(WORDS, min_size=1, max_size=4), seed=draw.seeds)
@example(words=["a", "b"], seed=0)
def test_each_tokenizer_has_its_own_vocabulary(submission, words, seed):
    """Two tokenizers do not disturb each other: each keeps to its own vocabulary."""
    vocab, text = vocabulary(words, seed), " ".join(words)
    other = {token: len(vocab) - 1 - number for token, number in vocab.items()}
    tokenizer = tokenizer_of(submission, vocab)
    tokenizer_of(submission, other)
    ids = [vocab[word] for word in words]
    equal(tokenizer.encode(text), ids, f"the ids of {shorten(text)}, once another tokenizer was built,")
    equal(tokenizer.decode(ids), text, f"the text of {ids}, once another tokenizer was built,")


def probe(submission):
    """Calls that tell the misconceptions apart."""
    vocab = {UNKNOWN: 3, "the": 5, "cat": 0, ",": 1, "sat": 4, END_OF_TEXT: 2}  # in no order of ids

    def split(text):
        return lambda: submission.split_text(text)

    def built(tokens):
        return lambda: sorted(submission.build_vocab(tokens).items())

    def after_sorting():
        tokens = ["b", "a", "b"]
        submission.build_vocab(tokens)
        return tokens

    def encoded(text, vocab=vocab):
        return lambda: submission.SimpleTokenizerV1(dict(vocab)).encode(text)

    def decoded(ids, vocab=vocab):
        return lambda: submission.SimpleTokenizerV1(dict(vocab)).decode(ids)

    def joined(*tokens):
        return decoded(list(range(len(tokens))), {token: number for number, token in enumerate([*tokens, UNKNOWN])})

    def refused():
        try:
            submission.SimpleTokenizerV1({"a": 0, END_OF_TEXT: 1})
        except ValueError as error:
            return "UNK" in str(error)

    def vocabulary_after(vocab):
        kept = dict(vocab)
        submission.SimpleTokenizerV1(kept).encode("the cat meowed")
        return sorted(kept.items())

    def with_another():
        tokenizer = submission.SimpleTokenizerV1(dict(vocab))
        submission.SimpleTokenizerV1({"cat": 1, UNKNOWN: 0})
        return tokenizer.encode("the cat")

    return [
        split("a cat  sat"),
        split(" a\tcat\nsat\r"),
        split("a\u00a0cat\u3000sat"),
        split('isn\'t, it? "no": (a;b)! '),
        split("a_b"),
        split("a...) b"),
        split("wait--what"),
        split("a ------- b well-known -"),
        split("100% na\u00efve \u4e2d\u6587 cafe\u0301"),
        split("The THE"),
        split(f"end{END_OF_TEXT}Start"),
        split(f"a{UNKNOWN}b"),
        split("x<|unk|>y <endoftext>"),
        built(["the", "cat", "the", "Zoo", "~"]),
        built(["b", END_OF_TEXT, "a", UNKNOWN, "~", END_OF_TEXT]),
        lambda: built(token for token in ("b", "a"))(),  # made in the call, since it can be read only once
        after_sorting,
        encoded("cat the sat"),
        encoded("the dog sat"),
        encoded("the cat,dog"),
        encoded("the dog", {UNKNOWN: 1, "the": 0}),
        refused,
        lambda: vocabulary_after(vocab),
        lambda: vocabulary_after({"the": 0, "cat": 1, "meowed": 2}),
        with_another,
        decoded([5, 0, 4]),
        decoded([0, 3, 2]),
        joined("a", ",", ".", ":", ";", "?", "!", '"', "(", ")", "'"),
        joined("f", "(", "x", ",", "y"),
        joined("a", "_", "b"),
        joined("a", "--", "b"),
        decoded([5, 0, 6]),
        decoded([5, -1]),
    ]
