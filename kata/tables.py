"""TOML files taken apart key by key, so that whatever is missing, mistyped or left over is named with file and key."""

import difflib
import tomllib
from pathlib import Path
from typing import Any

from kata import KataError


class CurriculumError(KataError):
    """A card, the order or a law file is not as it must be; the message names the file and the key."""


def read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CurriculumError(f"{file} does not exist.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CurriculumError(f"{file}: {error}") from None


class Table:
    """One table of a TOML file; `prefix` is where it stands there."""

    def __init__(self, file: Path, data: dict[str, Any], prefix: str = "") -> None:
        self.file, self.data, self.prefix = file, dict(data), prefix
        self._known: list[str] = []

    def take(self, key: str, kind: Any, default: Any = None, may_be_empty: bool = False) -> Any:
        self._known.append(key)
        if key not in self.data:
            if default is None:
                raise CurriculumError(f"{self.file}: {self.prefix}{key} is missing.")
            return default
        value = self.data.pop(key)
        if not isinstance(value, kind) or isinstance(value, bool) or (value == "" and not may_be_empty):
            name = getattr(kind, "__name__", "number")
            raise CurriculumError(f"{self.file}: {self.prefix}{key} must be a non-empty {name}, not {value!r}.")
        return value

    def take_strings(self, key: str, default: Any = None) -> tuple[str, ...]:
        values = self.take(key, list | tuple, default)
        if not all(isinstance(value, str) for value in values):
            raise CurriculumError(f"{self.file}: {self.prefix}{key} must be a list of strings, not {values!r}.")
        return tuple(values)

    def nothing_left(self) -> None:
        for key in self.data:
            close = difflib.get_close_matches(key, self._known, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise CurriculumError(f"{self.file}: unknown key {self.prefix}{key}{hint}.")
