"""What a transformer block does with a sentence: what each branch adds, and which token reaches which."""

import torch

from kata.laws import draw, probes, verbs
from kata.laws.checks import tensor
from kata.laws.sketches import heat_map, vectors

FEATURES = 6
REACH = (
    "How far the result of each token, a row, moves when a token, a column, is replaced. The shortcut should make the "
    "diagonal strong; attention should bring in what came before; above the diagonal, the future, nothing should be."
)
ADDS = (
    "Each row is a token, each column a feature. The tokens grow from the first to the last, which is ten times as "
    "large; the {branch} branch should see them normalised, so that what it adds does not grow. The other branch is "
    "silent."
)
LAST = {"attention": "att.out_proj", "feed-forward": "ff.layers.2"}


def look(submission, sentence):
    """Who reaches whom, then what the attention adds, then what the feed-forward network adds."""
    count, labels = len(sentence.tokens), sentence.labels
    cfg = {"vocab_size": 99, "context_length": count, "emb_dim": FEATURES, "n_heads": 2, "n_layers": 1}
    cfg |= {"drop_rate": 0.0, "qkv_bias": False}
    x = vectors(sentence.ids, FEATURES)[None]

    def build(*silent):
        block = probes.module(submission.TransformerBlock, dict(cfg))
        for name in [*block.state_dict()]:
            if name.endswith("weight"):
                verbs.write(block.get_parameter(name), 0.4 * block.get_parameter(name).detach())
        for branch in silent:
            for name in ("weight", "bias"):
                verbs.write(verbs.parameter(block, f"{LAST[branch]}.{name}"), 0.0)
        return block

    def result(block, given):
        axes = {"batch": 1, "token": count, "feature": FEATURES}
        return tensor(verbs.call(block, given.clone()), axes, torch.float64).detach()

    def reach():
        block = build()
        before = result(block, x)
        moved = []
        for token in range(count):
            other = x.clone()
            other[0, token] = draw.normal(100_000 + token, FEATURES)
            moved.append((result(block, other) - before)[0].abs().amax(dim=-1))
        matrix = torch.stack(moved, dim=1)
        return heat_map("Who reaches whom", REACH, labels, labels, matrix, ("result", "token"))

    def adds(branch, silent):
        def draw_it():
            grown = torch.linspace(1, 10, count, dtype=torch.float64)[:, None] * x
            numbers = (result(build(silent), grown) - grown)[0]
            columns = [f"feature {index}" for index in range(FEATURES)]
            title, caption = f"What the {branch} branch adds", ADDS.format(branch=branch)
            return heat_map(title, caption, labels, columns, numbers, ("token", "feature"))

        return draw_it

    return [reach, adds("attention", "feed-forward"), adds("feed-forward", "attention")]
