"""What the server imports, once, before workers are forked from it. It computes nothing: a forked child of a process
that has run a threaded operation hangs."""

# ruff: noqa: F401

import gc

import hypothesis
import hypothesis.extra._patching  # what hypothesis imports on the first failure
import pytest
import rich
import tiktoken
import torch
import torch.autograd.gradcheck
import torch.testing

from kata import curriculum, pytest_plugin, run
from kata.laws import checks, draw, modules, oracles, verbs

torch.set_num_threads(1)
gc.collect()
gc.freeze()  # collections in the children would touch, and so copy, every page
