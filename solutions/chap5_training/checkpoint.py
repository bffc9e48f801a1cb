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
    # 1. Collect what the next step depends on. Dropout draws from torch's random state: save that of the CPU, and
    #    those of all GPUs, which torch.cuda.get_rng_state_all() lists.
    contents = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state_all(),
    }
    # 2. Write it to another file in the same folder, down to the disk: `path` is not touched while this goes on.
    unfinished = Path(f"{path}.unfinished")
    with open(unfinished, "wb") as file:
        torch.save(contents, file)
        file.flush()
        os.fsync(file.fileno())
    # 3. Put it in the place of the old one. Within a folder this is one act: it happens, or it does not.
    os.replace(unfinished, path)


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
    # 1. Read the file with weights_only=True, for a pickle can run any code. Tensors go to the CPU first, for the GPU
    #    they were saved on may not exist here.
    contents = torch.load(path, map_location="cpu", weights_only=True)
    # 2. Remember how things are: loading may fail when half is done.
    before = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    # 3. Load everything, and the random state last; if something does not fit, put things back and say so.
    try:
        model.load_state_dict(contents["model"])
        optimizer.load_state_dict(contents["optimizer"])
        step = int(contents["step"])
        torch.cuda.set_rng_state_all(contents["cuda_rng"][: torch.cuda.device_count()])
        torch.set_rng_state(contents["rng"])
    except Exception as error:
        model.load_state_dict(before[0])
        optimizer.load_state_dict(before[1])
        raise ValueError(f"{path} does not fit: {error}") from error
    return step
