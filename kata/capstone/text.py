"""The text that is learnt: the help topics that every Python carries, English prose and grammar.

The topics quote each other at length. A paragraph counts where it stands first, so that nothing that is held out was
trained on.
"""

import platform
from dataclasses import dataclass
from pydoc_data.topics import topics

PIECE = 2000
"""Characters, about a page: every tenth piece of the text is held out."""


@dataclass(frozen=True)
class Text:
    """What is trained on, what is held out, and what both are called."""

    train: str
    held_out: str
    name: str


def read() -> Text:
    """The topics of this Python."""
    train, held_out = split("\n\n".join(topics.values()))
    return Text(train, held_out, f"the help topics of Python {platform.python_version()}")


def split(text: str, piece: int = PIECE) -> tuple[str, str]:
    """The text without repeated paragraphs; those that begin in every tenth piece are held out.

    >>> split("\\n\\n".join("aabcdefghijkal"), piece=3)
    ('a\\n\\nb\\n\\nc\\n\\nd\\n\\ne\\n\\nf\\n\\ng\\n\\nh\\n\\ni\\n\\nk\\n\\nl\\n\\n', 'j\\n\\n')
    """
    train, held_out = "", ""
    for paragraph in dict.fromkeys(part for part in text.split("\n\n") if part.strip()):
        if (len(train) + len(held_out)) // piece % 10 == 9:
            held_out += f"{paragraph}\n\n"
        else:
            train += f"{paragraph}\n\n"
    return train, held_out
