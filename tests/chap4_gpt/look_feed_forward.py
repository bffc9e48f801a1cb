"""What GELU does with numbers, and which token of a sentence the feed-forward network lets reach which."""

import torch

from kata.laws import draw, probes, verbs
from kata.laws.checks import tensor
from kata.laws.sketches import heat_map, vectors

FEATURES = 6
CURVE = (
    "GELU of the numbers from -3 to 3: those far below 0 should become nearly 0, those far above should stay nearly as "
    "they are, and in between the curve should dip a little below 0."
)
REACH = (
    "How far the result of each token, a row, moves when a token, a column, is replaced. Each token should be worked "
    "on alone, so that only its own column matters to it. The parameters are random."
)


def look(submission, sentence):
    """The curve of GELU, and the reach of each token."""
    count = len(sentence.tokens)

    def curve():
        numbers = torch.linspace(-3, 3, 13, dtype=torch.float64)
        activation = verbs.construct(submission.GELU)
        result = tensor(verbs.call(activation, numbers.clone()), {"number": len(numbers)}, torch.float64).detach()
        rows = ["x", "GELU of x"]
        columns = [f"{number:g}" for number in numbers.tolist()]
        return heat_map("GELU", CURVE, rows, columns, torch.stack([numbers, result]), ("row", "number"))

    def reach():
        network = probes.module(submission.FeedForward, {"emb_dim": FEATURES})
        x = 0.5 * vectors(sentence.ids, FEATURES)[None]
        before = verbs.call(network, x.clone())
        moved = []
        for token in range(count):
            other = x.clone()
            other[0, token] = 0.5 * draw.normal(100_000 + token, FEATURES)
            moved.append((verbs.call(network, other) - before)[0].abs().amax(dim=-1).detach())
        matrix = torch.stack(moved, dim=1)
        return heat_map("Who reaches whom", REACH, sentence.labels, sentence.labels, matrix, ("result", "token"))

    return [curve, reach]
