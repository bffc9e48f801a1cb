"""The laws of GPT-2's tokenizer, and of documents in one stream of ids."""

import tiktoken
from hypothesis import example, given
from hypothesis import strategies as st

from kata.laws import draw, verbs
from kata.laws.checks import broken, describe, equal, holds, shorten

MARKER = "<|endoftext|>"
END = 50256

TEXTS = draw.texts("Hello", " world", " The end.", "<|", "|>", max_size=6).filter(lambda text: MARKER not in text)
# Documents without the marker in their text: what a first attempt gets right.
DOCUMENTS = st.lists(TEXTS, max_size=5)
MARKED = draw.texts(MARKER, f" {MARKER}", f"a{MARKER}", "<|endof", "text|>", "\n", max_size=5)


def ids_of(gpt2, documents):
    """The ids that the documents should have."""
    ids = []
    for document in documents:
        ids += [*gpt2.encode(document, disallowed_special=()), END]
    return ids


@given(text=TEXTS)
@example(text="Hello, do you like tea?")
def test_it_is_the_tokenizer_of_gpt2(submission, gpt2, text):
    """The tokenizer is GPT-2's, as tiktoken provides it: 50,257 tokens, the last of them <|endoftext|>."""
    loaded = verbs.call(submission.load_tokenizer)
    holds(isinstance(loaded, tiktoken.Encoding), f"It should be a tiktoken.Encoding, not {describe(loaded)}.")
    holds(loaded.n_vocab == 50257, f"It should have 50257 tokens, but it has {loaded.n_vocab}.")
    special = loaded.encode(MARKER, allowed_special="all")
    holds(special == [END], f"Its token {MARKER} should be {END}, but it has the ids {special}.")
    equal(loaded.encode_ordinary(text), gpt2.encode_ordinary(text), f"the ids that it gives {shorten(text)}")


@given(documents=DOCUMENTS)
@example(documents=["Hello world", "Hi"])
@example(documents=["\u00e9t\u00e9 \U0001f600"])
@example(documents=[" a ", "a", "A"])
def test_documents_have_the_ids_of_gpt2(submission, gpt2, documents):
    """Each document has the ids that GPT-2 gives its text, spaces and all; each is encoded as if it were alone."""
    ids = verbs.call(submission.encode_documents, documents)
    equal(ids, ids_of(gpt2, documents), f"the ids of the documents {shorten(documents)}")


@given(documents=DOCUMENTS)
@example(documents=["Hello"])
@example(documents=["Hello", "world", "!"])
@example(documents=["", "", "Hello", ""])
@example(documents=[])
def test_end_of_text_follows_every_document(submission, gpt2, documents):
    """Token 50256 follows every document: the first, the last, the empty ones, and nothing else."""
    ids = verbs.call(submission.encode_documents, documents)
    holds(isinstance(ids, list), f"The ids should be one flat list, but you returned {describe(ids)}.")
    for token in ids:
        holds(isinstance(token, int), f"The ids should be one flat list of numbers, but yours holds {describe(token)}.")
    places, length = [], 0
    for document in documents:
        length += len(gpt2.encode_ordinary(document)) + 1
        places.append(length - 1)
    found = [place for place, token in enumerate(ids) if token == END]
    equal(found, places, f"the places of token {END} among the ids of {shorten(documents)}")
    holds(
        len(ids) == length,
        f"{shorten(documents)} should have {length} ids, {len(documents)} of them {END}, but you returned {len(ids)}.",
    )


@given(documents=DOCUMENTS)
@example(documents=["one", "two", "three"])
def test_documents_may_come_from_a_generator(submission, gpt2, documents):
    """The documents may come one at a time, from a generator that yields each once."""
    try:
        ids = verbs.call(submission.encode_documents, draw.one_by_one(documents))
    except (TypeError, IndexError) as error:
        broken(f"Documents that come from a generator, not a list, made you raise {type(error).__name__}: {error}.")
    equal(ids, ids_of(gpt2, documents), f"the ids of the documents {shorten(documents)}, given by a generator,")


@given(documents=DOCUMENTS)
@example(documents=["Hello world", "Hi"])
@example(documents=["Hi"])
def test_each_stretch_of_ids_is_a_document(submission, gpt2, documents):
    """Every stretch of ids up to a token 50256 decodes to one document."""
    ids = ids_of(gpt2, documents)
    equal(verbs.call(submission.decode_documents, ids), documents, f"the documents of the ids {shorten(ids)}")


@given(documents=st.lists(st.sampled_from(["", "", "a", "\n"]), max_size=5))
@example(documents=[])
@example(documents=[""])
@example(documents=["", "a", "", ""])
def test_empty_documents_come_back(submission, gpt2, documents):
    """Empty documents come back, as many as there were; no documents come back as none."""
    ids = ids_of(gpt2, documents)
    equal(verbs.call(submission.decode_documents, ids), documents, f"the documents of the ids {ids}")


@given(documents=st.lists(st.text("\u00e9\u4e2d\u3042\U0001f600\u0416\u200d\u0301\u2192 ", max_size=5), max_size=4))
@example(documents=["\u4e2d", "\U0001f600"])
@example(documents=["\U0001f468\u200d\U0001f469"])
def test_characters_of_several_tokens_come_back_whole(submission, gpt2, documents):
    """A character whose bytes are spread over several tokens comes back whole."""
    ids = ids_of(gpt2, documents)
    equal(verbs.call(submission.decode_documents, ids), documents, f"the documents of the ids {shorten(ids)}")


@given(document=MARKED)
@example(document=MARKER)
@example(document=f"The token {MARKER} ends a text.")
def test_a_document_may_mention_the_marker(submission, gpt2, document):
    """A document may mention <|endoftext|>: to the tokenizer these are 13 ordinary characters, never token 50256."""
    try:
        ids = verbs.call(submission.encode_documents, [document])
    except ValueError as error:
        broken(
            f"The document {shorten(document)} made you raise ValueError: {shorten(str(error).splitlines()[0])}. "
            f"Whatever a document says is text, also {MARKER}."
        )
    holds(isinstance(ids, list), f"The ids should be one flat list, but you returned {describe(ids)}.")
    count = ids.count(END)
    cause = "characters of the document became special" if count else "it should follow the document"
    holds(count == 1, f"One document should have one token {END}, but {shorten(document)} has {count}: {cause}.")
    equal(ids, ids_of(gpt2, [document]), f"the ids of the document {shorten(document)}")


@given(documents=st.lists(MARKED, max_size=4))
@example(documents=[MARKER, "", f"{MARKER}{MARKER}"])
@example(documents=["<|endof", "text|>"])
def test_the_marker_in_a_text_ends_no_document(submission, gpt2, documents):
    """Only token 50256 ends a document: a text that mentions <|endoftext|> is not cut there."""
    ids = ids_of(gpt2, documents)
    equal(verbs.call(submission.decode_documents, ids), documents, f"the documents of the ids {shorten(ids)}")


@given(documents=st.lists(MARKED | TEXTS, max_size=5))
@example(documents=[])
@example(documents=["", " a\n", f"b{MARKER}c", "", "\U0001f600"])
@example(documents=["<|endof", "text|>", ""])
def test_all_documents_come_back(submission, gpt2, documents):
    """Documents come back from their ids exactly as they were, whatever they say."""
    ids = verbs.call(submission.encode_documents, documents)
    back = verbs.call(submission.decode_documents, ids)
    equal(back, documents, f"what the documents come back as, by way of {len(ids)} ids,")


def probe(submission):
    """Calls that tell the misconceptions apart."""

    def encoded(*documents):
        return lambda: submission.encode_documents(list(documents))

    def decoded(*ids):
        return lambda: submission.decode_documents(list(ids))

    def ids_after():
        ids = [39, END]
        submission.decode_documents(ids)
        return ids

    return [
        lambda: submission.load_tokenizer().n_vocab,
        lambda: submission.load_tokenizer().encode_ordinary("A sea,  a sea's"),
        encoded("Hello world", " Hi\n"),
        encoded("a", "", "b"),
        encoded(f"a{MARKER}b"),
        lambda: submission.encode_documents(document for document in ("a", "b")),
        decoded(15496, 995, END, 17250, END),
        decoded(END, 64, END, END),
        decoded(220, 64, 198, END),
        decoded(19526, 254, END),  # one character, two tokens
        decoded(64, 27, 91, 437, 1659, 5239, 91, 29, 65, END),  # a<|endoftext|>b
        ids_after,
    ]
