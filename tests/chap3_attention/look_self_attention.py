"""What self-attention does with a sentence: its attention weights."""

from kata.laws import observe, probes, verbs
from kata.laws.sketches import heat_map, vectors

FEATURES = 8
CAPTION = (
    "Each row is a query and says how much it takes of each key, a column. A row sums to one, and every token sees "
    "every token, before and after it. The parameters are random."
)


def look(submission, sentence):
    """The weights that each token gives to all tokens."""

    def weights():
        count = len(sentence.tokens)
        attention = probes.module(submission.SelfAttention, FEATURES + count, count, seed=1)
        x = observe.reveal_weights(attention, count, seed=0)
        x[:, :FEATURES] = vectors(sentence.ids, FEATURES, scale=0.4)
        return heat_map("Attention weights", CAPTION, sentence.labels, sentence.labels, verbs.call(attention, x))

    return [weights]
