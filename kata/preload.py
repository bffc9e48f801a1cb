"""What the server imports, once, before workers are forked from it. It computes nothing: a forked child of a process
that has run a threaded operation hangs."""

# ruff: noqa: F401

import gc

import hypothesis
import pytest
import rich
import regex
import tiktoken
import tiktoken_ext.openai_public  # the first get_encoding
import torch
import torch.autograd.gradcheck
import torch.fx.experimental.symbolic_shapes  # what the first gradient in a given direction imports
import torch.profiler._cupti_monitor  # ... the first DataLoader
import torch.testing
import torch.utils.serialization.config  # ... the first state_dict saved

from kata import curriculum, pytest_plugin, run
from kata.laws import checks, draw, modules, oracles, verbs

torch.set_num_threads(1)
gc.collect()
gc.freeze()  # collections in the children would touch, and so copy, every page
