"""What training does with a sentence: the losses as it goes on, and what the model then finds probable."""

import torch
from torch import nn

from kata.laws import draw, verbs
from kata.laws.checks import broken, describe
from kata.laws.sketches import heat_map

LOSSES = (
    "Both losses after the steps above them: the training loss, of the sentence, should fall; the validation loss, of "
    "the sentence read backwards, should rise, because the model only memorises. In the last row, hundreds of tokens "
    "seen."
)
FOLLOWERS = (
    "What the model, which looks at one token only, then finds probable to follow each token, a row. "
    "Just above the diagonal stands the token that really does: that should be the most probable."
)
EPOCHS, FREQ = 25, 6


def look(submission, sentence):
    """The history of a training, and what came of it."""
    count = len(sentence.tokens)

    def trained():
        # Tokens are numbered by their place in the sentence.
        ids = torch.arange(count)[None]
        model = nn.Sequential(nn.Embedding(count, count, dtype=torch.float64))
        verbs.write(model[0].weight, draw.normal(0, count, count))
        backwards = ids.flip(1)
        train, val = [(ids[:, :-1], ids[:, 1:])] * 2, [(backwards[:, :-1], backwards[:, 1:])]
        adam = torch.optim.AdamW(model.parameters(), lr=0.1)
        return model, submission.train_model(model, train, val, adam, "cpu", EPOCHS, FREQ, 1)

    def losses():
        _, result = trained()
        if not isinstance(result, tuple | list) or len(result) != 3:
            broken(f"train_model should return three lists, but you returned {describe(result)}.")
        train, val, tokens = ([float(value) for value in values] for values in result)
        steps = [str(step) for step in range(1, 2 * EPOCHS + 1, FREQ)]
        if not len(train) == len(val) == len(tokens) == len(steps):
            lengths = [len(train), len(val), len(tokens)]
            broken(f"There should be {len(steps)} measurements, but the lists have {lengths} entries.")
        matrix = torch.tensor([train, val, [value / 100 for value in tokens]], dtype=torch.float64)
        return heat_map("Losses", LOSSES, ["train", "validation", "tokens/100"], steps, matrix, ("loss", "step"))

    def followers():
        model, _ = trained()
        with torch.no_grad():
            matrix = torch.softmax(model(torch.arange(count)), dim=-1)
        labels = sentence.labels
        return heat_map("What follows", FOLLOWERS, labels, labels, matrix, ("token", "next token"))

    return [losses, followers]
