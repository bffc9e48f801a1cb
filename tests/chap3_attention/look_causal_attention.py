"""What causal attention does with a sentence: its attention weights."""

from kata.laws import observe, probes, verbs
from kata.laws.checks import tensor
from kata.laws.sketches import heat_map, vectors

FEATURES = 8
CAPTION = (
    "Each row is a query and says how much it takes of each key, a column. A row sums to one, and the part above "
    "the diagonal, the future, is empty. The parameters are random."
)


def look(submission, sentence):
    """The weights that each token gives to itself and to those before it."""

    def weights():
        count = len(sentence.tokens)
        attention = probes.module(submission.CausalAttention, FEATURES + count, count, count, 0.0, seed=1)
        x = observe.reveal_weights(attention, count, seed=0)
        x[:, :FEATURES] = vectors(sentence.ids, FEATURES, scale=0.4)
        result = tensor(verbs.call(attention, x[None]), {"batch": 1, "query": count, "key": count})
        return heat_map("Attention weights", CAPTION, sentence.labels, sentence.labels, result[0])

    return [weights]
