"""What attention without weights does with a sentence: scores, softmax, and what is mixed into each context vector."""

import torch

from kata.laws import verbs
from kata.laws.sketches import heat_map, vectors

FEATURES = 8
SCALE = 0.6
NAME = 0.1
"""How large the feature is that says which token it is: small, so that it hardly changes a score."""


def look(submission, sentence):
    """The scores, the softmax of right scores, and the weights with which context_vectors mixes the tokens."""
    count, labels = len(sentence.tokens), sentence.labels
    x = torch.cat([vectors(sentence.ids, FEATURES, SCALE), NAME * torch.eye(count, dtype=torch.float64)], dim=1)

    def scores():
        caption = (
            "attention_scores: the dot product of each token, a row, with each token, a column. The matrix is "
            "symmetric, and a token that stands twice, like the word \u201cthe\u201d, has two nearly equal rows."
        )
        return heat_map("Scores", caption, labels, labels, verbs.call(submission.attention_scores, x.clone()))

    def softmax():
        caption = "softmax, given the right scores: each row becomes positive weights that sum to one."
        weights = verbs.call(submission.softmax, x @ x.T, dim=-1)
        return heat_map("Weights by your softmax", caption, labels, labels, weights)

    def mixture():
        caption = "context_vectors: how much of each token, a column, is in the context vector of each token, a row."
        context = verbs.call(submission.context_vectors, x.clone())
        return heat_map("What is mixed", caption, labels, labels, context[:, FEATURES:] / NAME)

    return [scores, softmax, mixture]
