"""Linux' Landlock: no file can be opened, made or taken away any more, and no connection made."""

from __future__ import annotations

import ctypes
import os
import struct

_CREATE, _RESTRICT = 444, 446  # the same numbers on every architecture
_ASK_VERSION = 1
_NO_NEW_PRIVILEGES = 38
#: kernel's version of Landlock -> how many rights over files it knows (linux/landlock.h)
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_NEWEST_FILE_RIGHTS = 16


def ruleset(version: int) -> bytes:
    """struct landlock_ruleset_attr: everything that this version can forbid, and no rule that allows any of it."""
    files = (1 << _FILE_RIGHTS.get(version, _NEWEST_FILE_RIGHTS)) - 1
    words = [files]
    if version >= 4:
        words.append(0b11)  # TCP: bind, connect
    if version >= 6:
        words.append(0b11)  # abstract sockets, signals to others
    return struct.pack(f"={len(words)}Q", *words)


def restrict() -> None:
    """OSError where the kernel has none, or it is switched off."""
    system = ctypes.CDLL(None, use_errno=True)
    version = _checked(system.syscall(_CREATE, None, ctypes.c_size_t(0), _ASK_VERSION))
    attributes = ruleset(version)
    handle = _checked(system.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0))
    try:
        _checked(system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _checked(system.syscall(_RESTRICT, handle, 0))
    finally:
        os.close(handle)


def _checked(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer
