"""What the loss does with a sentence: the price of each next token, the push on each logit, means over batches."""

import torch
from torch import nn

from kata.laws import draw, verbs
from kata.laws.checks import describe, holds, tensor
from kata.laws.sketches import heat_map

FAVOUR = 3.0
"""By how much the logit of the token that really comes next is raised."""
BATCHES = 4


def look(submission, sentence):
    """The loss of every token that could come next, the gradient of the logits, means over the first batches."""
    places = sentence.labels[:-1]
    words = list(dict.fromkeys(sentence.labels))  # the sentence's own vocabulary, in order
    ids = torch.tensor([words.index(label) for label in sentence.labels])
    targets = ids[1:]
    logits = draw.normal(1, len(places), len(words))
    logits[torch.arange(len(places)), targets] += FAVOUR

    def prices():
        caption = (
            "cross_entropy at one position, a row, for each token that could come next, a column: the less probable "
            "it is, the dearer it should be. Columns are token ids, which number the tokens in the order in which they "
            "first come. The logits are random, and favour the token that really comes next."
        )
        rows = []
        for row in logits:
            losses = [verbs.call(submission.cross_entropy, row[None], torch.tensor([id])) for id in range(len(words))]
            rows.append(torch.stack([tensor(loss, {}, torch.float64, "the loss").detach() for loss in losses]))
        return heat_map("The price of each next token", caption, places, words, torch.stack(rows), ("token", "next"))

    def pushes():
        caption = (
            "The gradient of cross_entropy over all positions, times their number: the softmax of the logits, minus "
            "one at the target. Columns are token ids. A step against it should push the target's logit up and all "
            "others down."
        )
        leaf = logits.clone().requires_grad_()
        loss = tensor(verbs.call(submission.cross_entropy, leaf, targets), {}, torch.float64, "the loss")
        holds(loss.requires_grad, "No gradient flows back from the loss to the logits.")
        (slope,) = torch.autograd.grad(loss, leaf)
        axes = ("token", "next")
        return heat_map("How each logit is pushed", caption, places, words, slope * len(places), axes)

    def means():
        caption = (
            "calc_loss_loader on the sentence, cut into batches: the mean loss over the first batches, for each "
            "num_batches. The last column asks for more than there are, and should be the same as the one before."
        )
        model = nn.Embedding.from_pretrained(draw.normal(2, len(words), len(words)))
        cuts = torch.arange(len(places)).tensor_split(BATCHES)
        batches = [(ids[cut][None], targets[cut][None]) for cut in cuts if len(cut)]
        asked = range(1, len(batches) + 2)
        found = [verbs.call(submission.calc_loss_loader, batches, model, "cpu", count) for count in asked]
        for loss in found:
            holds(isinstance(loss, float), f"The loss on a loader should be a float, but is {describe(loss)}.")
        matrix = torch.tensor([found], dtype=torch.float64)
        columns = [f"first {count}" for count in asked]
        return heat_map("Mean over the first batches", caption, ["loss"], columns, matrix, ("mean", "num_batches"))

    return [prices, pushes, means]
