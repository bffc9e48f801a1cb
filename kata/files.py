"""Writing files so that a reader, or a sudden end, never meets half of one."""

import os
from pathlib import Path


def write_atomically(file: Path, text: str) -> None:
    """Replaces a file in one step: whoever reads it sees the old text or the new, never half of one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(file)
