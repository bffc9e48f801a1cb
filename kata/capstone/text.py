"""The text that is learnt: the help topics that every Python carries, English prose and grammar.

The topics quote each other at length. A paragraph counts where it stands first, so that nothing that is held out was
trained on.
"""

import platform
from dataclasses import dataclass
from pydoc_data.topics import topics

HELD_OUT = 10
"""Of so many topics, the last is held out."""


@dataclass(frozen=True)
class Text:
    """What is trained on, what is held out, and what both are called."""

    train: str
    held_out: str
    name: str


def read() -> Text:
    """The topics of this Python."""
    train, held_out = split(list(topics.values()))
    return Text(train, held_out, f"the help topics of Python {platform.python_version()}")


def split(documents: list[str]) -> tuple[str, str]:
    """All documents without repeated paragraphs; every tenth is held out.

    >>> train, held_out = split(["a\\n\\nb", *"cdefghij", "k\\n\\nb"])
    >>> train, held_out
    ('a\\n\\nb\\n\\nc\\n\\nd\\n\\ne\\n\\nf\\n\\ng\\n\\nh\\n\\ni\\n\\nj\\n\\n', 'k\\n\\n')
    """
    known: set[str] = set()
    parts: tuple[list[str], list[str]] = ([], [])
    for number, document in enumerate(documents, start=1):
        paragraphs = dict.fromkeys(part for part in document.split("\n\n") if part.strip() and part not in known)
        known.update(paragraphs)
        parts[number % HELD_OUT == 0].extend(f"{paragraph}\n\n" for paragraph in paragraphs)
    return "".join(parts[0]), "".join(parts[1])
