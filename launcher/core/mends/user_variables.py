"""The user's own variables, for what he starts himself: in Windows' registry, or in the start file of a shell."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

#: the lines of ours in a shell's file
_BEGIN, _END = "# >>> gesso: {name} >>>", "# <<< gesso: {name} <<<"
_NAMED = re.compile(r"\b(?:https?|all)_proxy\b", re.IGNORECASE)


def start_file(environ: Mapping[str, str]) -> Path | None:
    """The file that the user's shell reads when a terminal opens; the one that sets the proxy, if one does. None: it is
    not known where the user's own files are.
    """
    home = environ.get("HOME")
    if not home:
        return None
    names = _start_files(PurePosixPath(environ.get("SHELL") or "/bin/sh").name)
    files = [Path(home) / name for name in names]
    return next((file for file in files if _names_a_proxy(file)), files[0])


def _start_files(shell: str) -> tuple[str, ...]:
    """The first is read by every terminal."""
    if shell == "zsh":
        return (".zshrc", ".zprofile", ".zshenv")
    if shell == "bash":
        # On macOS a terminal's shell is one for a login, which reads no .bashrc.
        return (".bash_profile", ".bashrc") if sys.platform == "darwin" else (".bashrc", ".bash_profile", ".profile")
    return (".config/fish/config.fish",) if shell == "fish" else (".profile",)


def _names_a_proxy(file: Path) -> bool:
    try:
        return _NAMED.search(file.read_text(encoding="utf-8", errors="replace")) is not None
    except OSError:
        return False


def block_of(name: str, lines: tuple[str, ...], ends: str = "\n") -> str:
    """Our lines, between two that say whose they are."""
    return ends.join((_BEGIN.format(name=name), *lines, _END.format(name=name), ""))


def has_block(text: str, name: str) -> bool:
    """Are there any of ours?"""
    return _BEGIN.format(name=name) in text.splitlines()


def added(text: str, block: str) -> str:
    """`text` with our lines at its end."""
    return text + (block if not text or text.endswith("\n") else line_ends(text) + block)


def taken_out(text: str, block: str, *, joined: bool) -> str | None:
    """`text` without them; None: they are not there as we wrote them. `joined`: the line before had no end."""
    before, there, after = text.partition(block)
    if not there:
        return None
    return before.removesuffix(line_ends(before)) if joined and not after else before + after


def line_ends(text: str) -> str:
    """How its lines end."""
    return "\r\n" if "\r\n" in text else "\n"


def read_user_variable(name: str) -> str | None:
    """What Windows keeps for this user; None: nothing, or this is not Windows."""
    if sys.platform != "win32":
        return None
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, "Environment") as key:
            return str(winreg.QueryValueEx(key, name)[0])
    except FileNotFoundError:
        return None


def write_user_variable(name: str, value: str | None) -> None:
    """Keep it there, or with None take it away; programs that are started from now on see it. Raises OSError."""
    if sys.platform == "win32":
        import winreg

        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, "Environment", 0, winreg.KEY_SET_VALUE) as key:
            if value is None:
                winreg.DeleteValue(key, name)
            else:
                winreg.SetValueEx(key, name, 0, winreg.REG_SZ, value)
        _tell_windows()


def _tell_windows() -> None:
    """Explorer hands the variables to what it starts, and reads them again when it is told."""
    if sys.platform == "win32":
        import ctypes

        every_window, settings_changed, give_up_if_hung = 0xFFFF, 0x1A, 2
        ctypes.windll.user32.SendMessageTimeoutW(
            every_window, settings_changed, 0, "Environment", give_up_if_hung, 2000, None
        )
