"""What the word tokenizer does with a sentence: where it cuts, and which id each token gets."""

from kata.laws import verbs
from kata.laws.checks import equal, holds
from kata.pictures import Token, TokensOverText, over

TEXT = '{sentence} "Well-fed?" it asked -- and slept.<|endoftext|>The  end'


def look(submission, sentence):
    """The tokens of a text with their ids, and of one with words that the vocabulary lacks."""
    text = TEXT.format(sentence=sentence.text)

    def cut(text, vocab, title, caption):
        tokens = verbs.call(submission.split_text, text)
        ids = verbs.call(verbs.construct(submission.SimpleTokenizerV1, vocab).encode, text)
        equal([type(id) for id in ids], [int] * len(ids), "the types of the ids")
        equal([type(token) for token in tokens], [str] * len(tokens), "the types of the tokens")
        holds(
            len(ids) == len(tokens),
            f"split_text cuts the text into {len(tokens)} tokens, but encode gave {len(ids)} ids. "
            "There should be one id for each token.",
        )
        return TokensOverText(title, caption, over(text, [Token(t, id) for t, id in zip(tokens, ids, strict=True)]))

    def known():
        vocab = verbs.call(submission.build_vocab, verbs.call(submission.split_text, text))
        caption = "Each box is a token of split_text, with the id that encode gives it. Whitespace is in no box."
        return cut(text, vocab, "Words and their ids", caption)

    def unknown():
        words = sorted({"Unhurriedly", "the", "fed", ",", "."})
        vocab = {word: id for id, word in enumerate([*words, "<|endoftext|>", "<|UNK|>"])}
        caption = f"The vocabulary knows only {len(words)} of the words. All others share one id, {vocab['<|UNK|>']}."
        return cut(sentence.text, vocab, "Unknown words", caption)

    return [known, unknown]
