"""Takes out of a text or of JSON what says who somebody is, where they are, or what opens their doors. Pure."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from launcher.core.report.passwords import HIDDEN, USER, hidden, takes_secret, without_secrets

HOST, MAIL, ADDRESS, HARDWARE, PHONE = "<computer>", "<e-mail>", "<address>", "<hardware number>", "<phone number>"
#: names that say nothing of anybody, and that stand in every log with another meaning
_COMMON = frozenset({
    "root", "user", "users", "admin", "administrator", "ubuntu", "debian", "fedora", "arch", "home", "gesso", "python",
    "torch", "runtime", "default", "public", "test", "guest", "localhost", "linux", "windows", "macos", "desktop",
    "laptop", "server", "computer", "pc", "host", "model", "models", "cache", "error", "info", "none", "true", "false",
})  # fmt: skip
_SHORTEST_SECRET = 4
#: characters of a line of a log
_LONGEST_LINE = 4000

#: whoever has the link opens the page
_PUBLIC_LINK = re.compile(
    r"(?<![\w-])(?!(?:status|www)\.)[\w-]+(?=\.(?:gradio\.live|gradio\.app|ngrok(?:-free)?\.(?:io|app|dev)|trycloudflare\.com|loca\.lt)\b)"
)
_MAIL = re.compile(r"(?<![\w.+%-])(?!git@)[\w.+%-]+@(?:[\w-]+\.)+[^\W\d_]{2,}")
_SID = re.compile(r"S-1-5-21(?:-\d+){3,}")
_MAC = re.compile(r"(?i)(?<![\w:-])[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}(?![\w:-])")
_CARD_NUMBER = re.compile(r"(?i)\b(?:GPU|MIG)-(?:GPU-)?[0-9a-f]{8}-[0-9a-f-]{20,}[0-9a-f](?:/\d+/\d+)?")
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)")
_IPV6 = re.compile(r"(?i)(?<![\w:.])[0-9a-f:]{0,40}:[0-9a-f]{0,4}:[0-9a-f:.]{0,40}[0-9a-f:](?:%\w+)?(?![\w:])")
#: "nvidia-cublas==12.4.5.8" and "cublas-12.4.5.8-py3" are versions
_VERSION_BEFORE = re.compile(r"(?i)(?:[=<>~!]=|[<>]|[a-z0-9_]-|\bv|versions?[ :=\"']{1,4})\s*$")
_HOMES = re.compile(
    r"(?i)((?:/|\b[a-z]:[\\/]+|[\\/]mnt[\\/][a-z][\\/]+)(?:home|users|documents and settings|用户|使用者)[\\/]+)"
    r"(?!<user>)([^\\/\r\n\"'<>|:*?]+(?=[\\/])|[^\\/\s\"'<>|:*?,;)]+)"
)


#: "\\\\server\\share", once or twice as long by escapes; what is Windows' own begins with another sign
_UNC = re.compile(r"(?m)(?:^|(?<=[\s\"'=(\[,;：，“（]))(\\\\(?:\\\\)?)[A-Za-z0-9][\w.-]{0,253}(?=\\)")
_SHARE = re.compile(r"(?i)\b((?:smb|cifs|nfs|afp|sftp)://(?:\*\*\*@)?)[\w.-]{1,253}")
_PROXY_HOST = re.compile(
    r"(?i)(prox(?:y|ies)[\w.]{0,20}[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?(?:[a-z0-9]{2,8}://)?(?:\*\*\*@)?)"
    r"(?!localhost\b|[\d.]+:)([a-z0-9][a-z0-9.-]{0,252})(?=:\d)"
)
#: a mobile number of China, and one with its country's code; eleven digits may also count bytes
_PHONE = re.compile(
    r"(?<![\w.+-])(?:(?:\+?86[- ]?)?1[3-9]\d([- ]?)\d{4}\1\d{4}|\+[1-9]\d{0,2}(?:[- ]?\d{2,4}){3,4})"
    r"(?![\w.-])(?!\s?(?:bytes|B)\b)"
)


@dataclass(frozen=True)
class Redaction:
    """Whose report it is; what nobody told it is still recognised by its form."""

    #: names that the user goes by on this computer
    users: tuple[str, ...] = ()
    #: the home folder, in every form in which it is known
    homes: tuple[str, ...] = ()
    #: the computer's names
    hosts: tuple[str, ...] = ()
    #: values that are secret wherever they stand: of variables and settings
    secrets: tuple[str, ...] = ()
    _steps: tuple[Callable[[str], str], ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        """The patterns are made once: a report has many lines."""
        known = [each for each in self.secrets if len(each) >= _SHORTEST_SECRET and each.lower() not in _COMMON]
        steps = (
            _replacing(map(re.escape, _longest_first(known)), HIDDEN),
            _replacing((_separated(each) for each in _longest_first(self.homes)), "~", re.IGNORECASE),
            without_secrets,
            _forms,
            _replacing(_named(self.hosts), HOST, re.IGNORECASE),
            _replacing(_named(self.users), USER, re.IGNORECASE),
        )
        object.__setattr__(self, "_steps", steps)

    def text(self, text: str) -> str:
        """`text` as it may be given away."""
        for step in self._steps:
            text = step(text)
        return text

    def json(self, value: Any) -> Any:
        """The same of everything in `value`, names of keys too; what the key of a secret holds goes whole."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self._held(str(key), each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [
                HIDDEN if isinstance(before, str) and takes_secret(before, str(each)) else self.json(each)
                for before, each in zip((None, *value), value, strict=False)
            ]
        return value

    def _held(self, key: str, value: Any) -> Any:
        by = hidden(key, str(value)) if value and not isinstance(value, bool) else None
        return by or self.json(value)

    def lines(self, lines: Iterable[str]) -> str:
        """A log: a line that is JSON is read as such, so that nothing hides behind its escapes."""
        found: list[str] = []
        for told, together in groupby(map(_told, lines), key=lambda each: not isinstance(each, str)):
            if told:
                found += [json.dumps(self.json(each), ensure_ascii=False) for each in together]
            else:
                # at once: a key may take several lines
                found.append(self.text("\n".join(map(str, together))))
        return "\n".join(found)


def _told(line: str) -> Any:
    """What a line of JSON says, else the line."""
    line = line[:_LONGEST_LINE]
    if line.lstrip()[:1] not in ("{", "["):
        return line
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return line


def _replacing(patterns: Iterable[str], by: str, flags: int = 0) -> Callable[[str], str]:
    joined = "|".join(patterns)
    if not joined:
        return str
    pattern = re.compile(joined, flags)
    return lambda text: pattern.sub(by, text)


def _longest_first(words: Iterable[str]) -> list[str]:
    """So that no rest of a longer one stays."""
    return sorted({each for each in words if each}, key=lambda each: (-len(each), each))


def _separated(home: str) -> str:
    """Either separator, doubled as JSON and Python write it, and never in the middle of a longer name."""
    parts = [re.escape(part) for part in re.split(r"[\\/]+", home.rstrip("\\/"))]
    # a search begins once in a row of separators, not at each of them
    begins = "" if parts[0] else r"(?<![\\/])"
    return begins + r"[\\/]+".join(parts) + r"(?![\w.-])" if any(parts) else r"(?!)"


def _named(names: Iterable[str]) -> list[str]:
    """Each as a word; never one of common meaning, and one of a single letter only where it is the name of a folder."""
    found = []
    for name in _longest_first(names):
        word = re.escape(name)
        if name.lower() in _COMMON:
            continue
        if len(name) == 1 and name.isascii():
            found.append(rf"(?<=[\\/]){word}(?=[\\/@]|$)")
        elif name.isascii():
            found.append(rf"(?<![A-Za-z0-9]){word}(?![A-Za-z0-9])")
        else:
            found.append(word)
    return found


def _forms(text: str) -> str:
    """What is recognised by its form alone."""
    text = _MAIL.sub(MAIL, _PUBLIC_LINK.sub(HIDDEN, text))
    text = _CARD_NUMBER.sub(HARDWARE, _SID.sub(USER, _MAC.sub(HARDWARE, text)))
    text = _IPV4.sub(_address, _IPV6.sub(_address, text))
    text = _PHONE.sub(PHONE, text)
    for host in (_UNC, _SHARE, _PROXY_HOST):
        text = host.sub(rf"\1{HOST}", text)
    return _HOMES.sub(rf"\1{USER}", text)


def _address(found: re.Match[str]) -> str:
    """A loopback address, and the one that means all, say nothing of anybody."""
    written, before = found[0], found.string[max(0, found.start() - 12) : found.start()]
    try:
        address = ipaddress.ip_address(written.partition("%")[0])
    except ValueError:
        return written
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_loopback or address.is_unspecified:
        return written
    if address.version == 4 and _VERSION_BEFORE.search(before):
        return written
    return ADDRESS
