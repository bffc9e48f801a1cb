"""What greedy generation does with a sentence: what the model was shown for each new token, and what came of it."""

import torch
from torch import nn

from kata.laws import verbs
from kata.laws.checks import tensor
from kata.pictures import Strip, WindowsOverStream

PROMPT, NEW, CONTEXT_SIZE = 5, 5, 4


class KnowsOneSentence(nn.Module):
    """A model that knows one sentence by heart: after each token comes the next one, and the first after the last."""

    def __init__(self, length):
        super().__init__()
        self.length = length
        self.shown = []

    def forward(self, ids):
        self.shown += ids.tolist()
        return nn.functional.one_hot((ids + 1) % self.length, self.length).double()


def look(submission, sentence):
    """The prompt and what was appended, and below it what the model was shown each time."""
    # An id is the place of a token in the sentence here, so that no two are alike.
    labels = sentence.labels

    def word(id):
        return labels[id] if 0 <= id < len(labels) else f"id {id}"

    def contexts():
        model = KnowsOneSentence(len(labels))
        idx = torch.arange(PROMPT)[None]
        result = verbs.call(submission.generate_text_simple, model, idx, NEW, CONTEXT_SIZE)
        stream = tensor(result, {"batch": 1, "tokens": PROMPT + NEW}, torch.int64)[0].tolist()
        strips = []
        for number, shown in enumerate(model.shown[:NEW]):
            end = PROMPT + number
            cells = tuple(map(word, shown))
            strips.append(Strip(f"shown {number}", max(end - len(cells), 0), cells))
            strips.append(Strip(f"new {number}", end, (word(stream[end]),)))
        caption = (
            f"Above, the prompt of {PROMPT} tokens and the {NEW} that were appended, by a model that knows the "
            f"sentence by heart. Below, what it was shown each time, {CONTEXT_SIZE} tokens at most, and what it chose."
        )
        return WindowsOverStream("One token after the other", caption, tuple(map(word, stream)), tuple(strips))

    return [contexts]
