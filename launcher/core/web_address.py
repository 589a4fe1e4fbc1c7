"""An address of the web as somebody wrote it: understood or refused, and said again without what is secret. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from launcher.core.errors import LauncherError
from launcher.core.text import Text, t

_WORD = re.compile(r"\S+")
#: a proxy may be written without its scheme; "C:\" begins no name
_BARE_CREDENTIALS = re.compile(r"^(?![A-Za-z]:[\\/])[^/@\s:]*:[^/\s]*@")
#: Likewise within a sentence, where a path may have lost one of the slashes, up to the last @: a password may have one.
#: A search begins only where such a piece does, else a hostile line costs the square of its length.
_BEFORE_HOST = re.compile(r"(?<![^/\s\"'“”])[^/\s\"'“”]+@(?=[\w\[])")
#: tokens are written there too
_QUERY = re.compile(r"(:/[^\s?#:]*(?::(?!/)[^\s?#:]*)*\?)[^\s#\"“”]+")
#: and in an address that was written without its scheme
_BARE_QUERY = re.compile(r"^(?![A-Za-z]:[\\/])(?=[^\s?#]*[./])([^\s?#]*\?)[^\s#]+")
_LONGEST_SAID = 200


def written_address(text: str, hint: Text | None = None) -> str:
    """An http or https address that a user wrote, fit to be taken apart and asked. LauncherError `not-an-address`."""
    written = text.strip()
    if not is_address(written):
        raise LauncherError(
            "not-an-address",
            t("{address} is no address that a file can be fetched from.", address=shown(written)[:_LONGEST_SAID]),
            hint or t("It begins with https:// and leads to the file itself."),
        )
    return written


def is_address(text: str) -> bool:
    """Of http or https, with a host, a port that can be one, and no sign that no address has."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        # Bytes of a command line that are no UTF-8 can be sent to nobody.
        text.encode()
    except ValueError:
        return False
    return usable and not any(ord(sign) < 33 or ord(sign) == 127 for sign in text)


def is_secret(url: str) -> bool:
    """May it hold a name, a password or a token: anything before the host, or behind a question mark?"""
    parts = urlsplit(url)
    return "@" in parts.netloc or bool(parts.query)


def origin(url: str) -> str:
    """ "https://host:port/" of an address, without user name, password and path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}/"


def shown(address: str) -> str:
    """`address` with *** for the name and password in it, and … for what follows a question mark."""
    if address.startswith("file:"):
        return address
    plain = _BARE_CREDENTIALS.sub("***@", _WORD.sub(_without_credentials, address))
    return _BARE_QUERY.sub(r"\1…", _QUERY.sub(r"\1…", plain))


def discreet(sentence: str) -> str:
    """`sentence` without the passwords and tokens of the addresses that people wrote where something else was asked."""
    if "@" not in sentence and "?" not in sentence:
        # Nothing to hide without one of the two.
        return sentence
    return _QUERY.sub(r"\1…", _BEFORE_HOST.sub(_without_secret, sentence))


def discreet_lines(lines: Sequence[str]) -> Sequence[str]:
    """`discreet` of each; most portions of a log have nothing to hide and are looked at as a whole."""
    together = "\n".join(lines)
    return [discreet(line) for line in lines] if "@" in together or "?" in together else lines


def _without_credentials(found: re.Match[str]) -> str:
    """Up to the last @ of a word; taken apart by hand, since a search from every :// takes the square of the length."""
    scheme, there, rest = found[0].partition("://")
    _, at, host = rest.rpartition("@")
    return f"{scheme}{there}***@{host}" if at else found[0]


def _without_secret(found: re.Match[str]) -> str:
    """A name alone may be anything's, as in a mail's address; with a colon, or behind a scheme, it opens a door."""
    behind = found.string[max(0, found.start() - 2) : found.start()]
    return "***@" if ":" in found[0] or behind.endswith(":/") or behind == "//" else found[0]
