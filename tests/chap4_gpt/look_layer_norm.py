"""What layer normalisation does with a sentence: the features of its tokens, normalised, then scaled and shifted."""

import torch

from kata.laws import probes, verbs
from kata.laws.checks import tensor
from kata.laws.sketches import heat_map, vectors

FEATURES = 6
NORMALISED = (
    "Each row is a token, each column a feature. The tokens came in with means from -3 to 3 and features that spread "
    "up to four times as far. Normalised, each row should have mean 0 and variance 1: see the last two columns."
)
SCALED = (
    "The same, with a scale that grows from 0 in the first feature to 2 in the last, and a shift of 1: the first "
    "column should be all shift, and the last should spread most."
)


def look(submission, sentence):
    """Tokens of different sizes: first with scale 1 and shift 0, then with other ones."""
    count = len(sentence.tokens)
    sizes = torch.linspace(0.5, 2.0, count, dtype=torch.float64)[:, None]
    means = torch.linspace(-3.0, 3.0, count, dtype=torch.float64)[:, None]
    x = means + sizes * vectors(sentence.ids, FEATURES)

    def result(scale, shift):
        norm = probes.module(submission.LayerNorm, FEATURES)
        verbs.write(verbs.parameter(norm, "scale"), scale)
        verbs.write(verbs.parameter(norm, "shift"), shift)
        return tensor(verbs.call(norm, x[None]), {"batch": 1, "token": count, "feature": FEATURES})[0].detach()

    def columns(*more):
        return [*map(str, range(FEATURES)), *more]

    def normalised():
        y = result(1.0, 0.0)
        mean, variance = y.mean(-1, keepdim=True), y.var(-1, keepdim=True, correction=0)
        numbers = torch.cat([y, mean.round(decimals=9), variance], dim=1)
        labels = columns("mean", "var")
        return heat_map("Normalised", NORMALISED, sentence.labels, labels, numbers, ("token", "feature"))

    def scaled():
        y = result(torch.linspace(0.0, 2.0, FEATURES), 1.0)
        return heat_map("Scaled and shifted", SCALED, sentence.labels, columns(), y, ("token", "feature"))

    return [normalised, scaled]
