"""Text from outside (log lines, GPU names, paths), made safe to show: it moves no cursor and hides nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from launcher.core.untrusted import MISLEADING

# Escape sequences as ECMA-48 writes them: CSI (colours, cursor), OSC and the other strings, then two-byte ones.
_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|\x1b[P\]X^_].*?(?:\x1b\\|\x07|$)|\x1b[ -/]*[0-~]", re.DOTALL
)
_MISLEADING = dict.fromkeys(MISLEADING, "\ufffd")
_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
_CONTROLS |= dict.fromkeys(range(0x80, 0xA0), "\ufffd")
_VISIBLE = _MISLEADING | _CONTROLS | dict.fromkeys(range(55296, 57344), "�")


def plain_lines(lines: Sequence[str]) -> Sequence[str]:
    """`plain` of each; most portions of a log have nothing to be made visible and are looked at as a whole."""
    return lines if " ".join(lines).isprintable() else [plain(line) for line in lines]


def plain(text: str) -> str:
    """One line without escape sequences; other control characters become visible signs.

    A progress bar that redraws itself with carriage returns shows its last state.
    """
    if text.isprintable():
        return text
    line = _SEQUENCES.sub("", text).rstrip("\r\n").expandtabs(4)
    return line.rsplit("\r", 1)[-1].translate(_VISIBLE)
