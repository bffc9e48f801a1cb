"""Landlock: what a process, and whatever it starts, may do to files and the network, decided once and for all.

Only Linux has it (5.13 and newer; TCP from 6.7 on, signals from 6.12 on), for x86-64 and ARM. No right is needed.
"""

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
SET_NO_NEW_PRIVS = 38
PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
READ = EXECUTE | READ_FILE | READ_DIR
FILE_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
"""The rights that each version added: at first all up to making links, then moving, truncating, device control."""
FOR_FILES = EXECUTE | WRITE_FILE | READ_FILE | (1 << 14) | (1 << 15)
"""The rights that make sense for something that is no folder."""
TCP = 0b11
SIGNALS_AND_SOCKETS = 0b11


class NotConfined(OSError):
    """The kernel has no Landlock, or does not grant it."""


def version() -> int:
    """Which Landlock this kernel has; 0 where it has none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, int(_libc().syscall(CREATE_RULESET, None, 0, 1)))


def confine(readable: Iterable[Path], writable: Iterable[Path], listable: Iterable[Path]) -> None:
    """From now on this process may read only beneath these paths, and write only beneath those; no TCP, no signals out.

    Beneath the `listable` ones it may read what is in folders, not in files. What is open already stays open. Paths
    that do not exist are passed over. Raises NotConfined.
    """
    have = version()
    if not have:
        raise NotConfined("This kernel has no Landlock.")
    libc = _libc()
    files = sum(rights for since, rights in FILE_RIGHTS.items() if since <= have)
    attributes = struct.pack("QQQ", files, TCP if have >= 4 else 0, SIGNALS_AND_SOCKETS if have >= 6 else 0)
    attributes = attributes[: 24 if have >= 6 else 16 if have >= 4 else 8]
    ruleset = libc.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        raise NotConfined(os.strerror(ctypes.get_errno()))
    try:
        for path in readable:
            _allow(libc, ruleset, path, READ)
        for path in listable:
            _allow(libc, ruleset, path, READ_DIR)
        for path in writable:
            _allow(libc, ruleset, path, files)
        if libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.syscall(RESTRICT_SELF, ruleset, 0):
            raise NotConfined(os.strerror(ctypes.get_errno()))
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    with contextlib.suppress(OSError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            allowed = rights if path.is_dir() else rights & FOR_FILES
            if libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", allowed, place), 0):
                raise NotConfined(f"{path}: {os.strerror(ctypes.get_errno())}")
        finally:
            os.close(place)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
