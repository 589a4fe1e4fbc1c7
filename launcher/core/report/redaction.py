"""Takes out of a text or of JSON what says who somebody is, where they are, or what opens their doors. Pure."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from launcher.core.web_address import discreet

HIDDEN = "***"
USER, HOST, MAIL, ADDRESS, HARDWARE = "<user>", "<computer>", "<e-mail>", "<address>", "<hardware number>"
#: names that say nothing of anybody, and that stand in every log with another meaning
_COMMON = frozenset({
    "root", "user", "users", "admin", "administrator", "ubuntu", "debian", "fedora", "arch", "home", "gesso", "python",
    "torch", "runtime", "default", "public", "test", "guest", "localhost", "linux", "windows", "macos", "desktop",
    "laptop", "server", "computer", "pc", "host", "model", "models", "cache", "error", "info", "none", "true", "false",
})  # fmt: skip
_SHORTEST_NAME, _SHORTEST_SECRET = 3, 4
#: characters of a line of a log
_LONGEST_LINE = 4000

#: what a secret is called: as a key of JSON or TOML, a header, a variable, a flag; `token` is no `tokenizer`
_CALLED = (
    r"(?:[\w.-]*?(?:pass(?:words?|wd|phrase)|pwd|secrets?|credentials?|(?:api|access|private)[_-]?keys?"
    r"|(?<![a-z])token|(?<![a-z])auth|authorization|cookies?|session[_-]?id|signature|ngrok)(?![a-z])[\w.-]*"
    r"|密码|口令|密钥|令牌)"
)
_KEY_CALLED = re.compile(_CALLED, re.IGNORECASE)
#: in a list of arguments the next one is its value
_TAKES_SECRET = re.compile(rf"--{_CALLED}", re.IGNORECASE)
#: keys that sound like a secret and are none
_NO_SECRET = re.compile(
    r"(?i)(?:max|min|num|new|pad|bos|eos|unk|mask|sep|cls)[_-]?token|token[_-]?(?:id|count|type|merging|ratio)|tokens"
    r"|^[\"']?(?:old)?pwd\b"
)
_VALUE = r"(?:\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[^\s,;}\])\"']+)"
_ASSIGNED = re.compile(
    rf"(?P<key>[\"']?(?<![\w.-]){_CALLED}[\"']?\s*(?:[:=：]|是|为)\s*)(?!\s)(?P<value>{_VALUE})", re.IGNORECASE
)
_FLAG = re.compile(rf"(?P<key>--{_CALLED}(?:[\"']\s*,\s*|=|\s+))(?P<value>(?!--){_VALUE})", re.IGNORECASE)
#: a password that stands bare may have a blank in it
_PASSWORD = re.compile(
    r"(?i)((?:\bpass(?:word|phrase)|密码|口令)\s*[:=：]\s*)(?![\"'\s])[^\r\n,;}\])\"']+?(?=\s{2}|\s+--|[\r\n,;}\])\"']|$)",
    re.MULTILINE,
)
#: headers whose whole line is secret
_HEADER = re.compile(r"(?im)((?:proxy-)?authorization|(?:set-)?cookie2?)(\\?[\"']?\s*[:=]\s*)[^\r\n]+")
_BEARER = re.compile(r"(?i)\b(bearer|basic|digest|negotiate)(\s+)[A-Za-z0-9._~+/=-]{6,}")
_TOKENS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:hf|api_org)_[A-Za-z0-9]{6,}|sk-[A-Za-z0-9_-]{6,}|(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{6,}"
    r"|github_pat_[A-Za-z0-9_]{6,}|glpat-[A-Za-z0-9_-]{6,}|pypi-[A-Za-z0-9_-]{16,}|xox[abprs]-[A-Za-z0-9-]{6,}"
    r"|r8_[A-Za-z0-9]{16,}|AKIA[A-Z0-9]{12,}|AIza[A-Za-z0-9_-]{20,}|ms-[0-9a-f]{8}-[0-9a-f-]{20,}"
    r"|eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){1,2})"
)
_KEY_BLOCK = re.compile(r"-----BEGIN ([A-Z ]*)-----.*?(?:-----END \1-----|\Z)", re.DOTALL)
#: signatures and tokens are written there
_QUERY = re.compile(r"\?[\w.%~\[\]-]+=[^\s\"'<>|)]*")
_FRAGMENT = re.compile(r"(#[\w.-]*(?:token|key|auth)[\w.-]*=)[^\s\"'<>]+", re.IGNORECASE)
#: whoever has the link opens the page
_PUBLIC_LINK = re.compile(
    r"(?<![\w-])[\w-]+(?=\.(?:gradio\.live|gradio\.app|ngrok(?:-free)?\.(?:io|app|dev)|trycloudflare\.com|loca\.lt)\b)"
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
    r"(?i)((?:/|\b[a-z]:[\\/]+|[\\/]mnt[\\/][a-z][\\/]+)(?:home|users|documents and settings)[\\/]+)"
    r"(?!<user>)([^\\/\r\n\"'<>|:*?]+(?=[\\/])|[^\\/\s\"'<>|:*?,;)]+)"
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
            _secrets,
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
                HIDDEN if isinstance(before, str) and _TAKES_SECRET.fullmatch(before) else self.json(each)
                for before, each in zip((None, *value), value, strict=False)
            ]
        return value

    def _held(self, key: str, value: Any) -> Any:
        return HIDDEN if value and _is_secret(key) and not isinstance(value, bool) else self.json(value)

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


def is_secret_name(name: str) -> bool:
    """Does a variable or key of this name hold a secret?"""
    return _is_secret(name)


def _is_secret(key: str) -> bool:
    return bool(_KEY_CALLED.fullmatch(key)) and not _NO_SECRET.search(key)


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
    return r"[\\/]+".join(parts) + r"(?![\w.-])" if any(parts) else r"(?!)"


def _named(names: Iterable[str]) -> list[str]:
    """Each as a word; a name of common meaning or of two letters only where it is the name of a folder."""
    found = []
    for name in _longest_first(names):
        word = re.escape(name)
        if name.lower() in _COMMON:
            continue
        if len(name) < _SHORTEST_NAME and name.isascii():
            found.append(rf"(?<=[\\/]){word}(?=[\\/@]|$)")
        elif name.isascii():
            found.append(rf"(?<![A-Za-z0-9]){word}(?![A-Za-z0-9])")
        else:
            found.append(word)
    return found


def _secrets(text: str) -> str:
    text = _KEY_BLOCK.sub(HIDDEN, text)
    text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
    text = _BEARER.sub(rf"\1\2{HIDDEN}", text)
    text = _PASSWORD.sub(rf"\1{HIDDEN}", text)
    text = _ASSIGNED.sub(_assigned, text)
    text = _FLAG.sub(_assigned, text)
    text = _TOKENS.sub(HIDDEN, text)
    text = _FRAGMENT.sub(rf"\1{HIDDEN}", text)
    return _QUERY.sub("?…", "".join(map(discreet, re.split(r"(\n)", text))))


def _assigned(found: re.Match[str]) -> str:
    """The value gone, its quotes and what it was called kept."""
    key, value = found["key"], found["value"]
    if _NO_SECRET.search(key) or value in ("null", "None", "true", "false", "True", "False", '""', "''", HIDDEN):
        return found[0]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{key}{quote}{HIDDEN}{quote}"


def _forms(text: str) -> str:
    """What is recognised by its form alone."""
    text = _MAIL.sub(MAIL, _PUBLIC_LINK.sub(HIDDEN, text))
    text = _CARD_NUMBER.sub(HARDWARE, _SID.sub(USER, _MAC.sub(HARDWARE, text)))
    text = _IPV4.sub(_address, _IPV6.sub(_address, text))
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
