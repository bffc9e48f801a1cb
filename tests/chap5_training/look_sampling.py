"""What sampling does with a sentence: how probable each of its tokens is to come next, and where rows end."""

import torch
from torch import nn

from kata.laws import draw, verbs
from kata.laws.checks import tensor
from kata.laws.sketches import heat_map
from kata.pictures import Strip, WindowsOverStream

TEMPERATURE = (
    "Each row is a temperature, and holds how probable each token, a column, is to come next: a row sums to one. "
    "At 0 one token has it all; the higher the temperature, the more even the row. The logits are random."
)
LEFT_OUT = (
    "Each row says what is left out: all but the k largest, or all but the smallest set that reaches p. "
    "What is left sums to one again. Top-p takes what temperature and top-k left."
)
ENDS = (
    "A model that knows the sentence goes on from three places, with the full stop as eos_id. A row that has "
    "generated it is padded with it, and generation ends with the last row."
)
SETTINGS = {
    "all": {},
    "k=3": {"top_k": 3},
    "p=0.8": {"top_p": 0.8},
    "k=3, p=0.6": {"top_k": 3, "top_p": 0.6},
    "T=2, p=0.8": {"temperature": 2.0, "top_p": 0.8},
}


def look(submission, sentence):
    """Probabilities at several temperatures; what top-k and top-p leave; a batch whose rows end one by one."""
    count = len(sentence.tokens)
    logits = 1.5 * draw.normal(3, 1, count)

    def probabilities(settings):
        rows = []
        for named in settings:
            result = verbs.call(submission.next_token_probabilities, logits, **named)
            rows.append(tensor(result, {"batch": 1, "vocab": count})[0].double())
        return torch.stack(rows)

    def temperatures():
        values = (0.0, 0.5, 1.0, 2.0, 8.0)
        matrix = probabilities([{"temperature": value} for value in values])
        rows = [f"T={value:g}" for value in values]
        return heat_map("Temperature", TEMPERATURE, rows, sentence.labels, matrix, ("temperature", "token"))

    def left_out():
        matrix = probabilities(SETTINGS.values())
        return heat_map("Top-k and top-p", LEFT_OUT, list(SETTINGS), sentence.labels, matrix, ("setting", "token"))

    def ends():
        # Tokens are numbered by their place in the sentence, so that each is followed by the next.
        table = 20 * torch.eye(count, dtype=torch.float64).roll(1, dims=1)
        starts = [count - 6, count - 4, 1]
        prompt = torch.tensor(starts)[:, None]
        model = nn.Sequential(nn.Embedding.from_pretrained(table))
        result = submission.generate(model, prompt, count, 4, eos_id=count - 1)
        result = tensor(result, {"batch": len(starts), "tokens": result.shape[1]}, torch.int64)
        windows = tuple(
            Strip(f"row {row}", starts[row], tuple(sentence.labels[id] for id in ids))
            for row, ids in enumerate(result.tolist())
        )
        return WindowsOverStream("Rows end one by one", ENDS, sentence.labels, windows)

    return [temperatures, left_out, ends]
