"""The summit: a GPT learns English, and every piece of it is yours.

Run it with `nox -s capstone`. What is imported from chap2 ... chap5 is your own code, from `exercises/`.
"""

import math
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel

from capstone.tokens import Tokenizer, all_batches, loader, make_tokenizer, random_batches
from chap2_text.dataset import GPTDatasetV1
from chap4_gpt.gpt_model import GPTModel, count_parameters
from chap5_training.adamw import AdamW
from chap5_training.checkpoint import load_checkpoint, save_checkpoint
from chap5_training.loss import calc_loss_loader
from chap5_training.sampling import generate
from chap5_training.schedule import clip_gradients, cosine_schedule
from chap5_training.train import train_model
from kata.capstone.entropies import bigram_loss, unigram_loss
from kata.capstone.record import Facts
from kata.capstone.run import Run
from kata.capstone.text import Text

WARMUP_STEPS = 100
LOWEST_LR = 0.1  # as a share of the highest
MAX_NORM = 1.0
WEIGHT_DECAY = 0.1
PROMPT = "The"  # without a space: that belongs to the word that follows
SAMPLE_TOKENS = 80


def train(text: Text, run: Run) -> None:
    """Trains a GPT on a text until the run is over; goes on from the run's checkpoint, if there is one."""
    settings, device = run.settings, run.device
    length, batch_size = settings.context_length, settings.batch_size

    # 1. From text to windows of tokens: any of the training text, those of the held-out text side by side.
    tokenizer = make_tokenizer(settings.tokenizer, text, settings.vocab_size)
    windows = GPTDatasetV1(text.train, tokenizer, max_length=length, stride=1)
    held_out_windows = GPTDatasetV1(text.held_out, tokenizer, max_length=length, stride=length)
    held_out = loader(held_out_windows, all_batches(held_out_windows, batch_size), run)

    # 2. The model.
    torch.manual_seed(settings.seed)
    config = {"vocab_size": tokenizer.vocab_size, "context_length": length, "emb_dim": settings.emb_dim}
    config |= {"n_heads": settings.n_heads, "n_layers": settings.n_layers}
    model = GPTModel(config | {"drop_rate": settings.drop_rate, "qkv_bias": False}).to(device)
    run.begin(facts(text, tokenizer, model))

    # 3. The optimizer. Before each step, the schedule says how far it goes, and gradients that are too long are cut.
    optimizer = AdamW(model.parameters(), lr=settings.max_lr, weight_decay=WEIGHT_DECAY)

    def before_step(*_: Any) -> None:
        total = max(WARMUP_STEPS + 1, run.total_steps)
        lr = cosine_schedule(run.step, settings.max_lr, LOWEST_LR * settings.max_lr, WARMUP_STEPS, total)
        for group in optimizer.param_groups:
            group["lr"] = lr
        clip_gradients(model.parameters(), MAX_NORM)

    optimizer.register_step_pre_hook(before_step)
    optimizer.register_step_post_hook(lambda *_: run.stepped())

    # 4. Go on where the run stopped, dropout's random numbers included.
    run.resume(lambda file: load_checkpoint(file, model, optimizer))

    # 5. Several processes? Each computes the gradients of its share of a batch; all step along their mean.
    shared = DistributedDataParallel(model, forward_sync_buffers=False) if run.crew.size > 1 else model

    # 6. Round after round: train, look at what has been learnt, keep everything.
    while not run.is_over:
        if run.crew.rank > 0:  # the random numbers in the checkpoint are those of the first process
            torch.manual_seed(settings.seed + 1000 * run.step + run.crew.rank)
        steps = min(settings.round_steps, run.total_steps - run.step)
        drawn = random_batches(windows, steps, batch_size, seed=1_000_000 * settings.seed + run.step)
        batches = loader(windows, drawn, run)
        # One epoch of so many batches; both losses are measured once, after the first of them.
        train_model(
            *(shared, batches, held_out, optimizer, device),
            num_epochs=1,
            eval_freq=steps,
            eval_iter=len(held_out),
            on_eval=lambda _, train_loss, held_out_loss: run.measured(train_loss, held_out_loss),
        )
        if run.is_over and steps > 1:
            model.eval()
            run.measured(*(calc_loss_loader(each, model, device, len(held_out)) for each in (batches, held_out)))
        if run.wants_sample:
            run.sampled(PROMPT, write(model, tokenizer, run))
        run.save(lambda file: save_checkpoint(file, model, optimizer, run.step))


def write(model: GPTModel, tokenizer: Tokenizer, run: Run) -> str:
    """What the model writes after the prompt, drawn with the same luck at the same step."""
    prompt = torch.tensor([tokenizer.encode(PROMPT)], device=run.device)  # (1, tokens)
    luck = torch.Generator(run.device).manual_seed(run.step)
    context = run.settings.context_length
    ids = generate(model, prompt, SAMPLE_TOKENS, context, temperature=0.8, top_p=0.95, generator=luck)
    return tokenizer.decode(ids[0, prompt.shape[1] :].tolist())  # (1, tokens + SAMPLE_TOKENS) -> what is new


def facts(text: Text, tokenizer: Tokenizer, model: GPTModel) -> Facts:
    """What is known before the first step, the losses that must be beaten above all."""
    train_ids, held_out_ids = tokenizer.encode(text.train), tokenizer.encode(text.held_out)
    return Facts(
        text=text.name,
        vocab_size=tokenizer.vocab_size,
        train_tokens=len(train_ids),
        held_out_tokens=len(held_out_ids),
        nats_to_bits=len(held_out_ids) / len(text.held_out) / math.log(2),
        parameters=count_parameters(model),
        unigram=unigram_loss(train_ids, held_out_ids, tokenizer.vocab_size),
        bigram=bigram_loss(train_ids, held_out_ids, tokenizer.vocab_size),
    )
