"""What the server imports, once, before workers are forked from it. It computes nothing: a forked child of a process
that has run a threaded operation hangs."""

# ruff: noqa: F401
# mypy: disable-error-code=import-untyped

import gc
import os

import hypothesis
import pytest
import regex
import rich
import tiktoken
import tiktoken_ext.openai_public  # the first get_encoding
import torch
import torch._dynamo  # what the meta device imports at its first use, and the first optimizer
import torch.autograd.gradcheck
import torch.fx.experimental.symbolic_shapes  # what the first gradient in a given direction imports
import torch.profiler._cupti_monitor  # ... the first DataLoader
import torch.testing
import torch.utils.serialization.config  # ... the first state_dict saved
from hypothesis.internal import charmap

from kata import by_hand, curriculum, pytest_plugin, run, tampering
from kata.laws import checks, draw, modules, observe, oracles, verbs

if hasattr(os, "fork"):  # a spawned worker imports it when it must
    import torch._dynamo  # what the meta device imports at its first use

torch.set_num_threads(1)
charmap.charmap()  # what the first text drawn needs
gc.collect()
gc.freeze()  # collections in the children would touch, and so copy, every page


def self_test() -> None:
    """Computes a little, in the worker: where forking is not safe after all, this is where it shows."""
    torch.ones(2, 3) @ torch.ones(3, 2)
