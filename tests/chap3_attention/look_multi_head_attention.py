"""What multi-head attention does with a sentence: the attention weights of each head, one matrix a head."""

import torch

from kata.laws import observe, probes, verbs
from kata.laws.checks import tensor
from kata.laws.sketches import heat_map, vectors

FEATURES = 8
HEADS = 2
CAPTION = (
    "How much each query, a row, takes of each key, a column, in head {head} of {heads}. "
    "Each head has its own share of the queries and keys, and so a matrix of its own. The parameters are random."
)


def look(submission, sentence):
    """One matrix for each head: first of the wrapper, then of the fused module."""
    count = len(sentence.tokens)

    def inputs(attention):
        x = observe.reveal_weights(attention, count, seed=0)
        x[:, :FEATURES] = vectors(sentence.ids, FEATURES, scale=0.4)
        return x[None]

    def by_head(name, result):
        axes = {"batch": 1, "tokens": count, "heads * features": HEADS * count}
        weights = tensor(result, axes)[0].unflatten(1, (HEADS, count)).transpose(0, 1)  # (head, query, key)
        return [
            heat_map(
                f"{name}: head {head}",
                CAPTION.format(head=head, heads=HEADS),
                sentence.labels,
                sentence.labels,
                weights[head],
            )
            for head in range(HEADS)
        ]

    def wrapper():
        sizes = (FEATURES + count, count, count, 0.0, HEADS)
        attention = probes.module(submission.MultiHeadAttentionWrapper, *sizes, seed=1)
        for index in range(HEADS):
            x = inputs(attention.heads[index])
        return by_head("MultiHeadAttentionWrapper", verbs.call(attention, x))

    def fused():
        sizes = (FEATURES + count, HEADS * count, count, 0.0, HEADS)
        attention = probes.module(submission.MultiHeadAttention, *sizes, seed=1)
        # out_proj passes on what it gets, so that the result of each head can be seen.
        verbs.write(verbs.parameter(attention, "out_proj.weight"), torch.eye(HEADS * count))
        verbs.write(verbs.parameter(attention, "out_proj.bias"), 0.0)
        return by_head("MultiHeadAttention", verbs.call(attention, inputs(attention)))

    return [wrapper, fused]
