"""Checkpoints: training goes on where it stopped, as if it never had.

Source: Build a Large Language Model (From Scratch), section 5.4; PyTorch's notes on serialization and on randomness.
"""

import copy
import os
from pathlib import Path

import torch
from torch import nn


def save_checkpoint(path: str | Path, model: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Writes everything that training needs to go on: model, optimizer, step, and torch's random state.

    Nothing of it changes, and no random number is drawn. Whenever the process is killed, `path` holds the previous
    checkpoint or the new one, whole.

    Args:
        path: the file; one that exists is replaced. Nothing else is left in its folder.
        model: in any mode.
        optimizer: of the model's parameters.
        step: the number of steps done.
    """
    # TODO 1: Collect what the next step depends on. Dropout draws from torch's random state: save that of the CPU, and
    #         those of all GPUs, which torch.cuda.get_rng_state_all() lists.
    # TODO 2: Write it to another file in the same folder, down to the disk: `path` is not touched while this goes on.
    # TODO 3: Put it in the place of the old one. Within a folder this is one act: it happens, or it does not.
    raise NotImplementedError


def load_checkpoint(path: str | Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Brings back what `save_checkpoint` wrote, into a model and an optimizer made like those that were saved.

    Args:
        path: the file.
        model: gets the saved parameters and buffers.
        optimizer: gets the saved state and hyper-parameters.

    Returns:
        The number of steps done.

    Raises:
        Exception: the file is no checkpoint, would run code, or does not fit the model and the optimizer. These are
            then as they were. Any exception will do.

    >>> import tempfile
    >>> model = nn.Linear(3, 2)
    >>> optimizer = torch.optim.AdamW(model.parameters())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_checkpoint(f"{folder}/model.pt", model, optimizer, step=7)
    ...     load_checkpoint(f"{folder}/model.pt", model, optimizer)
    7
    """
    # TODO 1: Read the file with weights_only=True, for a pickle can run any code. Tensors go to the CPU first, for the GPU
    #         they were saved on may not exist here.
    # TODO 2: Remember how things are: loading may fail when half is done.
    # TODO 3: Load everything, and the random state last; if something does not fit, put things back and say so.
    raise NotImplementedError
