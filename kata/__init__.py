"""The judge of the LLM kata: finds the exercises, runs their laws, says what to do next."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: where `exercises/`, `solutions/`, `tests/` and `.venv` are."""


class KataError(Exception):
    """Something is not as it must be; the message says what, and what to do. Commands print it and end with 2."""
