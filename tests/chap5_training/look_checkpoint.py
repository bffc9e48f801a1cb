"""What a stop does to training: the loss of each step, and what is dropped, at a stretch and resumed."""

import tempfile
from pathlib import Path

import torch
from torch import nn

from kata.laws import draw, verbs
from kata.laws.sketches import heat_map, vectors

STEPS, STOP = 8, 4
FEATURES, HIDDEN = 6, 16
CAPTION = (
    f"One training, twice, with dropout: the first row never stops, the second is saved after step {STOP}, loaded into "
    "fresh objects and goes on. Shown is the loss of each step. The rows should be the same; where they are not, "
    "something was not saved."
)
DROPPED = (
    f"How many of {HIDDEN} hidden units dropout leaves out for each token, in the step after the stop. The rows should "
    "be the same; where they are not, torch's random state did not come back."
)


def look(submission, sentence):
    """Losses by step, and units dropped in the step after the stop, without and with a stop."""
    x = vectors(sentence.ids, FEATURES)
    y = draw.normal(3, len(x), 1)

    def build(seed):
        torch.default_generator.manual_seed(seed)
        model = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.Tanh(), nn.Dropout(0.5), nn.Linear(HIDDEN, 1)).double()
        return model, torch.optim.AdamW(model.parameters(), lr=0.05)

    def train(model, optimizer, steps):
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = (model(x) - y).square().mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    def resumed(ending):
        """What `ending(model, optimizer)` gives after the stop, and the losses before it."""
        model, optimizer = build(1)
        losses = train(model, optimizer, STOP)
        with tempfile.TemporaryDirectory() as folder:
            verbs.call(submission.save_checkpoint, Path(folder, "model.pt"), model, optimizer, STOP)
            fresh = build(2)
            verbs.call(submission.load_checkpoint, Path(folder, "model.pt"), *fresh)
        return losses, ending(*fresh)

    def losses():
        before, after = resumed(lambda model, optimizer: train(model, optimizer, STEPS - STOP))
        steps = [f"step {number + 1}" for number in range(STEPS)]
        values = torch.tensor([train(*build(1), STEPS), before + after], dtype=torch.float64)
        rows = ["at a stretch", "resumed"]
        return heat_map("The loss, at a stretch and resumed", CAPTION, rows, steps, values, axes=("training", "step"))

    def dropped(model, _):
        return (model[2](torch.ones(len(x), HIDDEN, dtype=torch.float64)) == 0).sum(dim=1)

    def units():
        model, optimizer = build(1)
        train(model, optimizer, STOP)
        values = torch.stack([dropped(model, optimizer), resumed(dropped)[1]]).double()
        rows = ["at a stretch", "resumed"]
        return heat_map("What dropout leaves out", DROPPED, rows, sentence.labels, values, axes=("training", "token"))

    return [losses, units]
