"""What the schedule and the clipping do: learning rates step by step, and gradients before and after."""

import torch
from torch import nn

from kata.laws import draw, verbs
from kata.laws.checks import describe, holds
from kata.laws.sketches import heat_map

TOTAL = 10
MIN_LR = 0.1
WARMUPS = (0, 2, 6)
SHAPES = {"weight": (2, 3), "bias": (3,)}
NORM = 5.0
MAX_NORMS = (10.0, 2.5, 1.0)


def look(submission, sentence):
    """Learning rates for three warm-ups; the numbers of two gradients, for three values of max_norm."""

    def schedule():
        caption = (
            f"cosine_schedule for each step, a column, with max_lr 1, min_lr {MIN_LR:g} and total_steps {TOTAL}. It "
            "should be a line up from 0, half a wave of the cosine down, and min_lr from then on. The sentence plays "
            "no part in it."
        )
        steps = range(TOTAL + 3)
        rates = [
            [verbs.call(submission.cosine_schedule, step, 1.0, MIN_LR, up, TOTAL) for step in steps] for up in WARMUPS
        ]
        for rate in (rate for row in rates for rate in row):
            holds(isinstance(rate, float), f"A learning rate should be a float, but is {describe(rate)}.")
        rows = [f"warm-up {up}" for up in WARMUPS]
        matrix = torch.tensor(rates, dtype=torch.float64)
        return heat_map("Learning rates", caption, rows, [str(step) for step in steps], matrix, ("warm-up", "step"))

    def clipping():
        caption = (
            f"clip_gradients on a weight and a bias whose gradients have the norm {NORM:g} together. All numbers of a "
            "row should shrink by the same factor, and a row with a max_norm above the norm should be as before."
        )
        gradients = [draw.normal(index, *shape) for index, shape in enumerate(SHAPES.values())]
        numbers = torch.cat([gradient.flatten() for gradient in gradients])
        rows = [NORM * numbers / numbers.norm()]
        for max_norm in MAX_NORMS:
            parameters = [nn.Parameter(torch.zeros(shape, dtype=torch.float64)) for shape in SHAPES.values()]
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = NORM * gradient / numbers.norm()
            verbs.call(submission.clip_gradients, parameters, max_norm)
            rows.append(torch.cat([parameter.grad.flatten() for parameter in parameters]))
        labels = ["before", *(f"max_norm {max_norm:g}" for max_norm in MAX_NORMS)]
        columns = [f"{name} {place}" for name, shape in SHAPES.items() for place in range(torch.Size(shape).numel())]
        return heat_map("Gradients", caption, labels, columns, torch.stack(rows), ("max_norm", "number"))

    return [schedule, clipping]
