"""What GPT-2's tokenizer does with two documents: one stream of ids, an end-of-text token behind each."""

import tiktoken

from kata.laws import verbs
from kata.laws.checks import equal, holds
from kata.pictures import Token, TokensOverText

SECOND = "She typed <|endoftext|> by hand."


def look(submission, sentence):
    """The stream of two documents, and what the second one is when it is read back."""
    gpt2 = tiktoken.get_encoding("gpt2")

    def stream():
        ids = verbs.call(submission.encode_documents, [sentence.text, SECOND])
        equal([type(id) for id in ids], [int] * len(ids), "the types of the ids")
        outside = next((id for id in ids if not 0 <= id < gpt2.n_vocab), None)
        holds(outside is None, f"encode_documents gave the id {outside}, which is none of GPT-2's {gpt2.n_vocab:,}.")
        tokens = (Token(gpt2.decode_single_token_bytes(id).decode(errors="backslashreplace"), id) for id in ids)
        caption = (
            f"encode_documents on two texts: id {gpt2.eot_token} stands behind each. The second text speaks of "
            "<|endoftext|> in its own words, which are ordinary tokens."
        )
        return TokensOverText("Two documents in one stream", caption, tuple(tokens))

    return [stream]
