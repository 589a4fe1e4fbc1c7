"""What a server's answer permits: to continue, to begin again, or nothing; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from launcher.core.download.request import TroubleError
from launcher.core.text import Text, t

#: of more digits than an exabyte has, none is meant
_NUMBER = re.compile(r"[0-9]{1,18}")
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_NO_RANGE = re.compile(r"bytes \*/([0-9]{1,18})")
_WORDS = {
    401: t("it asks for a name and password or a token"),
    403: t("it refuses this computer (403); mirrors do so for a while after too many requests"),
    404: t("it does not have this file (404)"),
    407: t("the proxy asks for a name and password (407)"),
    410: t("it no longer has this file (410)"),
    451: t("it may not serve this file here (451)"),
    511: t("this network asks for a login in the browser first (511)"),
}
_KINDS = {401: "unauthorized", 403: "refused", 404: "not-found", 407: "proxy", 410: "not-found", 511: "login-page"}


@dataclass(frozen=True)
class Answer:
    """`headers` have lower-case names; `url` is where the redirects ended."""

    status: int
    headers: Mapping[str, str]
    url: str


@dataclass(frozen=True)
class Asked:
    """From which byte on was asked, and what is known: the size and this address's validator at the last visit."""

    offset: int
    size: int | None
    validator: str | None
    #: a web page is what is wanted
    page: bool = False


@dataclass(frozen=True)
class Terms:
    """The next byte is number `offset` of `total`; `complete`: there is none left; `packed`: it must be unpacked."""

    offset: int
    total: int | None
    validator: str | None
    packed: bool = False
    complete: bool = False


def judge(answer: Answer, asked: Asked, now: datetime | None = None) -> Terms:
    """The terms on which the body can be taken, or TroubleError."""
    if answer.status == 416:
        return _after_the_end(answer, asked)
    if answer.status not in (200, 206):
        raise _refusal(answer, now or datetime.now(timezone.utc))
    if not asked.page and _media_type(answer) in ("text/html", "application/xhtml+xml"):
        raise login_page()
    return _part(answer, asked) if answer.status == 206 else _whole(answer)


def number_in(header: str) -> int | None:
    """A header's count; None where it is none."""
    return int(header) if _NUMBER.fullmatch(header) else None


def login_page() -> TroubleError:
    """A page where a file is expected, told by its type or by its first bytes."""
    return TroubleError(
        "login-page", t("it sent a web page instead of the file, perhaps a login or error page"), final=True
    )


def looks_like_a_page(first_bytes: bytes) -> bool:
    """Whether a file that calls itself something else begins as HTML does."""
    start = first_bytes[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html"))


def validator_of(headers: Mapping[str, str]) -> str | None:
    """What If-Range may carry: a strong ETag, else the date of the last change (RFC 9110, 13.1.5)."""
    tag = headers.get("etag", "")
    return tag if tag.startswith('"') else headers.get("last-modified") or None


def _media_type(answer: Answer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


def _whole(answer: Answer) -> Terms:
    packed = answer.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
    countable = not packed and "transfer-encoding" not in answer.headers
    length = number_in(answer.headers.get("content-length", "")) if countable else None
    return Terms(0, length, None if packed else validator_of(answer.headers), packed)


def _part(answer: Answer, asked: Asked) -> Terms:
    found = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
    if asked.offset == 0 or not found or int(found[1]) != asked.offset or "content-encoding" in answer.headers:
        raise TroubleError("wrong-range", t("it sent another part of the file than was asked for"), restart=True)
    total = None if found[3] == "*" else int(found[3])
    validator = validator_of(answer.headers)
    changed = asked.validator is not None and validator is not None and asked.validator != validator
    if changed or (total is not None and asked.size is not None and total != asked.size):
        raise TroubleError("changed", t("the file there is another than before"), restart=True)
    return Terms(asked.offset, asked.size if total is None else total, validator or asked.validator)


def _after_the_end(answer: Answer, asked: Asked) -> Terms:
    found = _NO_RANGE.fullmatch(answer.headers.get("content-range", "").strip())
    if asked.offset and found and int(found[1]) == asked.offset:
        return Terms(asked.offset, asked.offset, asked.validator, complete=True)
    raise TroubleError("wrong-range", t("it has no such part of the file (416)"), restart=asked.offset > 0)


def _refusal(answer: Answer, now: datetime) -> TroubleError:
    status = answer.status
    pause = _pause(answer.headers.get("retry-after", ""), now)
    if status in (429, 503) or (status == 403 and pause is not None):
        return TroubleError("busy", t("it asks for patience ({status})", status=status), pause=pause)
    if status >= 500 and status != 511:
        return TroubleError("broken", t("it is out of order ({status})", status=status))
    words: Text = _WORDS.get(status, t("it answers with {status}", status=status))
    return TroubleError(_KINDS.get(status, "refused"), words, final=True)


def _pause(header: str, now: datetime) -> float | None:
    """Seconds, from either form that Retry-After has: a count or a date."""
    seconds = number_in(header.strip())
    if seconds is not None:
        return float(seconds)
    try:
        until = parsedate_to_datetime(header)
        return max(0.0, (until if until.tzinfo else until.replace(tzinfo=timezone.utc)).timestamp() - now.timestamp())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
