"""What the GPT model does with a sentence: which tokens each position's logits depend on, and the logits."""

import zlib

import torch

from kata.laws import draw, verbs
from kata.laws.checks import tensor
from kata.laws.sketches import heat_map

SIZES = {"emb_dim": 24, "n_heads": 3, "n_layers": 2, "drop_rate": 0.0, "qkv_bias": False}


def look(submission, sentence):
    """The influence of each token on each position, and the logits of the sentence's own tokens."""
    # An id is the place of a token in the sentence here: the vocabulary is as large as the sentence is long.
    labels, count = sentence.labels, len(sentence.labels)
    ids = torch.arange(count)[None]

    def logits(model, ids):
        axes = {"batch": len(ids), "tokens": count, "vocab_size": count}
        return tensor(verbs.call(model, ids), axes, torch.float64).detach()

    def build():
        cfg = SIZES | {"vocab_size": count, "context_length": count}
        model = verbs.construct(submission.GPTModel, cfg).to(torch.float64).eval()
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:  # each in a way that depends on its name alone
                numbers = draw.normal(zlib.crc32(name.encode()), *parameter.shape)
                verbs.write(parameter, numbers / parameter.shape[-1] ** 0.5)
            elif "bias" in name:
                verbs.write(parameter, 0.0)
        return model

    def influence():
        changed = ids.repeat(count, 1)
        changed[range(count), range(count)] = (ids[0] + 1) % count  # in sequence i, token i is another one
        model = build()
        moved = (logits(model, changed) - logits(model, ids)).abs().amax(dim=-1)  # (changed token, position)
        caption = (
            "How far the logits of each position, a row, move when one token, a column, is another one. A position "
            "should depend on itself and on all before it; above the diagonal, the future, nothing should be. The "
            "parameters are random."
        )
        return heat_map("What each position depends on", caption, labels, labels, moved.T, ("position", "token"))

    def scores():
        caption = (
            "The logits of each position, a row, for each token as the one that comes next, a column. The vocabulary "
            "is this sentence. The parameters are random, so the scores mean nothing yet: training changes that."
        )
        return heat_map("Logits", caption, labels, labels, logits(build(), ids)[0], ("position", "next token"))

    return [influence, scores]
