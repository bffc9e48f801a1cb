"""Text that any reader accepts, however strange the text that a submission printed or raised."""

import re
from typing import Any

# What XML 1.0 forbids. JSON can spell it, but NUL and lone surrogates make databases behind a grading site refuse it.
FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """The text with every forbidden character replaced, and every end of line a newline."""
    return FORBIDDEN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def clean_all(data: Any) -> Any:
    """Plain data, every string in it cleaned."""
    if isinstance(data, str):
        return clean(data)
    if isinstance(data, dict):
        return {clean(key): clean_all(value) for key, value in data.items()}
    if isinstance(data, list):
        return [clean_all(value) for value in data]
    return data


def cut(text: str, limit: int) -> str:
    """The text cleaned, and no longer than the limit but for a remark that it was cut."""
    text = clean(text)
    if len(text) <= limit:
        return text
    return f"{text[:limit]} ... ({len(text) - limit} more characters)"


def number(points: float) -> float:
    """Points as JSON: an integer where they are whole."""
    return int(points) if points == int(points) else points
