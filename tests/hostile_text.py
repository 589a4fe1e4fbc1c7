"""More than 300 texts that would move a terminal's cursor, set its title, fill its clipboard, or look like another."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

#: the ends of a string sequence, none among them
_ENDS = ("\x07", "\x1b\\", "\x9c", "")
_CSI = (
    "31m", "0m", "38;2;255;0;0m", "1;31;42m", "2J", "3J", "H", "10;10H", "5A", "5B", "5C", "5D", "K", "2K", "1G", "s", "u",
    "?25l", "?25h", "?1049h", "?1049l", "?1000h", "?1003h", "?1006h", "?2004h", "?2026h", "6n", "5n", "c", ">c", "=c",
    "14t", "18t", "20t", "21t", "8;1;1t", "3;0;0t", "22;0t", "r", "1;2r", "4h", "20h", "!p", "?3h", "?5h", "?7l", "1 q",
    "0\"q", "1$r", "9999999999999m", "<0;1;1M", "M", "?u", ">1u", "?996n", "0;0\"p", "99L", "99M", "99@", "99P", "99X", "2g",
)  # fmt: skip
_OSC = (
    "0;title", "1;icon", "2;window", "4;1;rgb:ff/00/00", "4;1;?", "7;file:///etc", "8;;http://evil.example", "8;id=1;file:///",
    "9;notification", "9;4;3;50", "10;?", "11;?", "11;#ff0000", "12;red", "50;font", "52;c;ZXZpbA==", "52;c;?", "52;p;ZXZpbA==",
    "104", "110", "133;A", "133;D;0", "777;notify;a;b", "1337;File=inline=1:AAAA", "1337;SetMark", "1337;CopyToClipboard=x",
    "5522;type=read", "99;i=1;hello",
)  # fmt: skip
_STRINGS = ("P$qm", "P+q544e", "Pq#0;2;0;0;0~~", "P1000p", "Xstart", "^private", "_Ga=T,f=100;AAAA", "_tmux")
_MARKUP = (
    "[red]x[/red]", "[/]", "[b", "[@click=app.quit]x[/]", "[@click=app.bell()]x[/]", "[link=http://evil.example]x[/link]",
    "[on red]x", "[$primary]x[/]", "[bold underline blink]x", "[[x]]", "\\[x]", "[/bold]", "[=]", "[@click=screen.dismiss]",
    ":skull:", "[conceal]x[/conceal]", "[#ff0000]x", "[auto on $error]x", "{0}", "{name}", "%s %d", "${HOME}", "{{x}}",
)  # fmt: skip
_LOOKS = (
    "right \u202eto left\u202c", "\u2066isolated\u2069", "\u2067a\u2068b", "\u200emark\u200f", "\u061carabic", "\u202aa\u202bb\u202d",
    "zero\u200bwidth", "joiner\u200dhere", "non\u200cjoiner", "\u2060word", "\ufeffbom", "soft\u00adhyphen", "\u180evowel",
    "tag\U000e0041\U000e007f", "e" + "\u0301" * 300, "Z" + "\u0336\u0489" * 200, "\u0300lone", "\U0001f469\u200d\U0001f4bb" * 40,
    "中" * 400, "\uff21" * 300, "\ufdfd" * 40, "\U0001242b" * 40, "\U0001f1e6" * 51, "\u3164", "\u115f\u1160", "\u2800",
    "\ud800", "a\udc00b", "\udcff\udcfe", "\udbff", "half\ud83d", "\ufffe", "\uffff", "\U0010ffff", "\ue000", "\u2028x\u2029y",
    "كتب", "עברית abc", "\u0e33" * 30, "\u1f4a9", "x\u0338", "\u00a0\u2003\u3000",
)  # fmt: skip
_LINES = (
    "10%\r50%\r100%", "over\rwritten", "a\x08\x08\x08bc", "tab\tand\ttab", "vertical\x0btab", "form\x0cfeed", "nel\x85next",
    "bell" + "\x07" * 50, "\x00" * 20, "del\x7f\x7f", "\x1a end", "so\x0esi\x0f", "\x05enq", "\x11xon\x13xoff", "x" * 70_000,
    "a\r\nb\r\n", "one\n[done] two", "\n\n\n", " ", "", "\x1b", "\x1b\x1b\x1b", "\x1b[", "\x1b]", "\x1b[31", "\x9b", "\x9d", "\x90",
    "\x1bc", "\x1b7\x1b8", "\x1b(0lqk\x1b(B", "\x1b#8", "\x1b=\x1b>", "\x1bD\x1bE\x1bH\x1bM\x1bN\x1bO\x1bZ", "\x1b%G", "\x1b n",
    "\x1b[\x1b[31m31m", "\x1b\x1b[31m", "\x1b[3\x001m", "\x1b]0;a\x1b]0;b\x07", "\x1b[31m" * 2000, "\x1b]" * 2000, "\x9b" * 2000,
)  # fmt: skip


def _texts() -> Iterator[str]:
    for sequence in _CSI:
        yield f"a\x1b[{sequence}b"
        yield f"a\x9b{sequence}b"
    for number, sequence in enumerate(_OSC):
        yield f"a\x1b]{sequence}{_ENDS[number % 4]}b"
        yield f"a\x9d{sequence}{_ENDS[(number + 1) % 4]}b"
    for sequence in _STRINGS:
        yield from (f"a\x1b{sequence}{end}b" for end in _ENDS)
    yield from (f"a{chr(code)}b" for code in (*range(32), *range(0x7F, 0xA0)))
    # what a terminal in Latin-1 would take for C1, as the bytes of a name that is no UTF-8
    yield from (bytes((0x61, code)).decode("utf-8", "surrogateescape") for code in (0x84, 0x85, 0x9B, 0x9D, 0x90, 0x9F))
    yield from (*_MARKUP, *_LOOKS, *_LINES)


TEXTS = tuple(dict.fromkeys(_texts()))
#: marks that change the order of what stands beside them
_ORDER = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def obeyed(text: str) -> set[str]:
    """The signs in it that a terminal obeys, line feeds and tabulators aside, and what no encoding has."""
    return {
        sign
        for sign in text
        if (unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t")
        or sign in _ORDER
        or sign in "\u2028\u2029"
    }
