"""Writing files so that a reader, or a sudden end, never meets half of one."""

import os
import traceback
from pathlib import Path

FAULT = ".kata/fault.txt"


def write_atomically(file: Path, text: str) -> None:
    """Replaces a file in one step: whoever reads it sees the old text or the new, never half of one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(file)


def write_fault(root: Path, error: Exception) -> str:
    """Writes down a fault of the judge's own, and returns the sentence that says so."""
    file = root / FAULT
    write_atomically(file, "".join(traceback.format_exception(error)))
    return (
        f"This is a fault of the judge, not of your code: {type(error).__name__}. {file} says more; please report it."
    )
