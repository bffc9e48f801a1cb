"""What byte-pair encoding does with a sentence: with a few merges of its own, and with GPT-2's."""

from kata import vocabulary
from kata.laws import verbs
from kata.laws.checks import equal, holds
from kata.pictures import Token, TokensOverText

PROSE = "the hedgehog and the hare fed in the hedge, and the zoologist hurried there. "
TEXT = "{sentence} Caf\u00e9 \U0001f994<|endoftext|>"
SPECIAL = "<|endoftext|>"


def look(submission, sentence):
    """The tokens of a text after more and more merges, then with GPT-2's vocabulary."""
    text = TEXT.format(sentence=sentence.text)

    def cut(vocab, merges, title, caption):
        ids = verbs.call(verbs.construct(submission.BytePairTokenizer, vocab, merges, [SPECIAL]).encode, text)
        equal([type(id) for id in ids], [int] * len(ids), "the types of the ids")
        missing = next((id for id in ids if id not in vocab), None)
        holds(missing is None, f"encode gave the id {missing}, which is not in the vocabulary of {len(vocab)} tokens.")
        # A token may be part of a character: its bytes are shown as \xf0 then.
        return TokensOverText(
            title, caption, tuple(Token(vocab[id].decode(errors="backslashreplace"), id) for id in ids)
        )

    def trained(merges):
        def picture():
            vocab, learnt = verbs.call(submission.train_bpe, PROSE, 257 + merges, [SPECIAL])
            caption = f"train_bpe, with room for {merges} merges, learnt from a short text about the same animals."
            return cut(vocab, learnt, f"After {merges} merges", caption)

        return picture

    def gpt2():
        caption = "GPT-2's own vocabulary and merges. A space belongs to the word behind it."
        return cut(*vocabulary.read(), "With GPT-2's merges", caption)

    return [trained(5), trained(25), gpt2]
