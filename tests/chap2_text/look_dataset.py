"""What the dataset does with a sentence: its windows, each below the tokens it was cut out of."""

from types import SimpleNamespace

from kata.laws import verbs
from kata.laws.checks import describe, holds
from kata.pictures import Strip, WindowsOverStream


def look(submission, sentence):
    """Windows side by side, and windows that overlap."""
    text_of = dict(zip(sentence.ids, sentence.labels, strict=True))

    def cells(ids, what):
        holds(hasattr(ids, "tolist") and ids.dim() == 1, f"{what} should be a tensor of ids, but is {describe(ids)}.")
        return tuple(text_of.get(id, f"id {id}") for id in ids.tolist())

    def place(strip, expected):
        """Where in the stream a strip comes from: the place nearest to the expected one, which it is if none fits."""
        count = len(strip)
        fits = [at for at in range(len(sentence.labels)) if sentence.labels[at : at + count] == strip]
        return min(fits, key=lambda at: abs(at - expected), default=expected)

    def windows(max_length, stride):
        def picture():
            tokenizer = SimpleNamespace(encode=lambda text: list(sentence.ids))
            dataset = verbs.construct(submission.GPTDatasetV1, sentence.text, tokenizer, max_length, stride)
            strips = []
            for index in range(min(len(dataset), len(sentence.ids))):
                inputs, targets = dataset[index]
                inputs, targets = cells(inputs, f"input {index}"), cells(targets, f"target {index}")
                strips.append(Strip(f"input {index}", place(inputs, index * stride), inputs))
                strips.append(Strip(f"target {index}", place(targets, index * stride + 1), targets))
            caption = (
                f"max_length {max_length}, stride {stride}: a window starts every {stride} tokens, and its target is "
                "the same window, one token further on. What does not fit whole is left out."
            )
            title = f"Windows of {max_length}, every {stride}"
            return WindowsOverStream(title, caption, sentence.labels, tuple(strips))

        return picture

    return [windows(4, 4), windows(5, 3)]
