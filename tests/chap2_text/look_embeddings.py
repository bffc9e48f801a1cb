"""What the embeddings do with a sentence: a row for each token, a row for each position, and their sum."""

import torch

from kata.laws import verbs
from kata.laws.sketches import heat_map, vectors

VOCAB_SIZE = 50257
FEATURES = tuple(f"f{number}" for number in range(8))
AXES = ("token", "feature")


def look(submission, sentence):
    """Token plus position, in tables that are filled so that each can be recognised in the sum."""
    count, ids = len(sentence.tokens), torch.tensor(sentence.ids)

    def waves():
        # Slower and slower from feature to feature, so that neighbours look alike.
        steps = torch.arange(count, dtype=torch.float64)[:, None] / 1.5 ** torch.arange(1, len(FEATURES) + 1)
        return torch.sin(steps)

    def write_tokens(weight):
        with torch.no_grad():
            weight[ids] = vectors(sentence.ids, len(FEATURES), scale=0.5).to(weight.dtype)

    def tokens():
        embedding = verbs.construct(submission.TokenEmbedding, VOCAB_SIZE, len(FEATURES)).double()
        write_tokens(verbs.parameter(embedding, "weight"))
        caption = "TokenEmbedding: one row of the table for each token. The columns are features."
        return heat_map("Tokens", caption, sentence.labels, FEATURES, verbs.call(embedding, ids), AXES)

    def positions():
        embedding = verbs.construct(submission.PositionEmbedding, count, len(FEATURES)).double()
        verbs.write(verbs.parameter(embedding, "weight"), waves())
        caption = "PositionEmbedding: one row for each position, whatever token stands there. This table holds waves."
        labels = [f"position {place}" for place in range(count)]
        return heat_map("Positions", caption, labels, FEATURES, verbs.call(embedding, count), ("position", "feature"))

    def both():
        embedding = verbs.construct(submission.InputEmbedding, VOCAB_SIZE, len(FEATURES), count).double()
        write_tokens(verbs.parameter(embedding, "token_emb.weight"))
        verbs.write(verbs.parameter(embedding, "pos_emb.weight"), waves())
        caption = "InputEmbedding: the sum of both. The same token now has another row at another place."
        rows = verbs.call(embedding, ids[None])
        return heat_map("Token plus position", caption, sentence.labels, FEATURES, rows[0], AXES)

    return [tokens, positions, both]
