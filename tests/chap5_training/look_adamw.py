"""What AdamW does with numbers whose gradients are of very different sizes: how far each moves, step by step."""

import torch
from torch import nn

from kata.laws import draw, verbs
from kata.laws.sketches import heat_map

STEPS = 6
LR, DECAY = 0.1, 0.5
MOVED = (
    "One number for each token, each with a gradient of its own: from 0.001 on the left to 1000 on the right, and "
    "always the same. A row is a step, and shows how far each number moves against its gradient, in units of lr. "
    "All of them should move by 1."
)
FADING = (
    "The same numbers, with a gradient in step 1 only, and zero from then on: the mean of the gradient should carry "
    "them further, each step a little less."
)
LEFT = (
    f"How much is left of each number when its gradient is zero, with lr {LR} and weight_decay {DECAY}: every step "
    "should take away lr · weight_decay of it."
)


def look(submission, sentence):
    """Steps under a steady gradient, steps after a single one, and decay alone."""
    labels = sentence.labels
    size = torch.logspace(-3, 3, len(labels), dtype=torch.float64)

    def after_each_step(start, gradient_of, decay):
        parameter = nn.Parameter(start.clone())
        optimizer = verbs.construct(submission.AdamW, [parameter], lr=LR, weight_decay=decay)
        rows = [start]
        for number in range(STEPS):
            parameter.grad = gradient_of(number)
            verbs.call(optimizer.step)
            rows.append(parameter.detach().clone())
        return torch.stack(rows)  # (steps + 1, tokens)

    def picture(title, caption, values):
        steps = [f"step {number + 1}" for number in range(STEPS)]
        return heat_map(title, caption, steps, labels, values, axes=("step", "token"))

    def steady():
        return picture("Steps under a steady gradient", MOVED, _lengths(after_each_step(size * 0, lambda _: size, 0.0)))

    def fading():
        places = after_each_step(size * 0, lambda number: size * (number == 0), 0.0)
        return picture("Steps after a single gradient", FADING, _lengths(places))

    def decayed():
        start = 1 + draw.normal(0, len(labels)).abs()
        places = after_each_step(start, lambda _: torch.zeros_like(start), DECAY)
        return picture("What the decay leaves", LEFT, places[1:] / start)

    return [steady, fading, decayed]


def _lengths(places):
    """How far each number moved in each step, downhill, in units of lr."""
    return (places[:-1] - places[1:]) / LR
