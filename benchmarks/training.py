"""How fast the GPT of the solutions trains and generates, beside one of the same size from PyTorch's own layers.

The other model is made of torch.nn.TransformerEncoderLayer (pre-norm, with a causal mask), and is trained with
PyTorch's own loss, clipping and AdamW. Both get the same batches, by turns, so that whatever else the machine does
slows both. On a machine that others use as well, --cpu-time counts the time that the processor was at work for it.

python -m benchmarks.training [--cpu-time]
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from kata import ROOT
from kata.capstone.record import Settings

ROUNDS = {"training": 9, "generating": 80}
STEPS = 6
NEW_TOKENS = 48
LEAST = 0.8


class FromLayers(nn.Module):
    """The same GPT, of PyTorch's layers."""

    def __init__(self, cfg: dict[str, Any]) -> None:
        super().__init__()
        emb_dim, heads = cfg["emb_dim"], cfg["n_heads"]
        self.tok_emb = nn.Embedding(cfg["vocab_size"], emb_dim)
        self.pos_emb = nn.Embedding(cfg["context_length"], emb_dim)
        self.drop_emb = nn.Dropout(cfg["drop_rate"])
        options = {"dropout": cfg["drop_rate"], "activation": "gelu", "batch_first": True, "norm_first": True}
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(emb_dim, heads, 4 * emb_dim, **options) for _ in range(cfg["n_layers"])
        )
        self.final_norm = nn.LayerNorm(emb_dim)
        self.out_head = nn.Linear(emb_dim, cfg["vocab_size"], bias=False)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(cfg["context_length"]))

    def forward(self, ids: Tensor) -> Tensor:
        """ids (batch, tokens) -> logits (batch, tokens, vocab_size)"""
        tokens = ids.shape[1]
        x = self.drop_emb(self.tok_emb(ids) + self.pos_emb(torch.arange(tokens)))
        for block in self.blocks:
            x = block(x, src_mask=self.mask[:tokens, :tokens], is_causal=True)
        return self.out_head(self.final_norm(x))


def main() -> None:
    """Measures and prints."""
    sys.path.insert(0, str(ROOT / "solutions"))
    from chap4_gpt.gpt_model import GPTModel
    from chap5_training.adamw import AdamW
    from chap5_training.loss import cross_entropy
    from chap5_training.sampling import generate
    from chap5_training.schedule import clip_gradients

    settings = Settings()
    names = ("vocab_size", "context_length", "emb_dim", "n_heads", "n_layers", "drop_rate")
    cfg = {name: getattr(settings, name) for name in names} | {"qkv_bias": False}
    ours, theirs = GPTModel(cfg), FromLayers(cfg)

    def their_loss(logits: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    our_step = trainer(ours, AdamW(ours.parameters()), cross_entropy, clip_gradients)
    their_optimizer = torch.optim.AdamW(theirs.parameters())
    their_step = trainer(theirs, their_optimizer, their_loss, nn.utils.clip_grad_norm_)
    shape = (settings.batch_size, settings.context_length + 1)
    batches = [torch.randint(settings.vocab_size, shape) for _ in range(STEPS)]
    prompt = torch.randint(settings.vocab_size, (1, settings.context_length // 2))

    print(f"threads: {torch.get_num_threads()}; {settings}")
    tokens = STEPS * settings.batch_size * settings.context_length
    compare("training", tokens, lambda: [our_step(b) for b in batches], lambda: [their_step(b) for b in batches])

    def write(model: nn.Module) -> Tensor:
        luck = torch.Generator().manual_seed(1)
        return generate(model, prompt, NEW_TOKENS, settings.context_length, temperature=0.8, generator=luck)

    compare("generating", NEW_TOKENS, lambda: write(ours), lambda: write(theirs))


def trainer(model: nn.Module, optimizer: Any, loss: Callable[..., Tensor], clip: Callable[..., Any]) -> Any:
    """What does one step."""

    def step(batch: Tensor) -> None:
        model.train()
        optimizer.zero_grad()
        loss(model(batch[:, :-1]), batch[:, 1:]).backward()
        clip(model.parameters(), 1.0)
        optimizer.step()

    return step


def compare(what: str, tokens: int, ours: Callable[[], Any], theirs: Callable[[], Any]) -> None:
    """Times both by turns; prints the medians, and the median of the ratios of each turn."""
    seconds(ours), seconds(theirs)
    turns = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS[what])]
    own, other = (statistics.median(tokens / turn[side] for turn in turns) for side in (0, 1))
    ratio = statistics.median(turn[1] / turn[0] for turn in turns)
    says = "at least" if ratio >= LEAST else "LESS THAN"
    print(f"{what}: {own:,.0f} tokens/s, of PyTorch's layers {other:,.0f}: {ratio:.2f} times, {says} {LEAST}")


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes."""
    start = CLOCK()
    work()
    return CLOCK() - start


CLOCK = time.perf_counter

if __name__ == "__main__":
    if "--cpu-time" in sys.argv:
        CLOCK = time.process_time
    main()
