"""What one mirror answers for one file: its headers, and the first MiB as fast as it gives it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from launcher.core.download.answer import Answer, Asked, Terms, judge, login_page, looks_like_a_page, number_in
from launcher.core.download.door import Address, Patience, Route
from launcher.core.download.request import TroubleError
from launcher.core.download.stream import Body, next_hop, opened
from launcher.core.network.mirror_samples import Sample
from launcher.core.network.mirrors import Mirror
from launcher.core.packages.index_pages import ACCEPT, project_page, read_page
from launcher.core.text import t

#: so many first bytes are compared between mirrors
COMPARED = 64 * 1024
_CHUNK = 64 * 1024
#: an index's page may be long, but not longer
_LONGEST_PAGE = 64 * 1024 * 1024
#: a server that does not know HEAD may know GET
_NO_HEAD = (400, 403, 404, 405, 501)


@dataclass
class Reading:
    """Filled by one thread, looked at by another: what has been learned so far."""

    mirror: Mirror
    #: the file's, not only what was read
    size: int | None = None
    etag: str | None = None
    #: SHA-256 of the first COMPARED bytes, or of the whole file if it is shorter
    beginning: str | None = None
    #: bytes, and seconds from the answer's first to the last
    read: int = 0
    seconds: float = 0.0
    #: when the body began and when a byte came last, of the monotonic clock
    began: float | None = None
    stirred: float | None = None
    #: the body ended before what was asked for, and the answer had not said so
    ended: bool = False
    #: from the question to the first byte
    latency: float | None = None
    #: the host that sent the bytes in the end
    host: str | None = None
    #: a word of TroubleError, "lacks-file" or "unlisted"; None: nothing was wrong
    trouble: str | None = None
    done: bool = False
    #: the time was over before it was done
    timed_out: bool = False
    #: at that time nothing had come for long
    fell_silent: bool = False
    #: a mistake of ours, for the thread that listens
    bug: Exception | None = None
    _body: Body | None = None

    @property
    def rate(self) -> float | None:
        """Bytes per second; None before there is anything to divide."""
        return self.read / max(self.seconds, 0.001) if self.read else None

    def give_up(self, patience: float) -> None:
        """Nobody waits any longer; the time that was waited in vain counts. `patience`: seconds for the next byte."""
        now = time.monotonic()
        self.timed_out = True
        self.fell_silent = self.stirred is not None and now - self.stirred > patience
        if self.began is not None:
            self.seconds = now - self.began
        if self._body is not None:
            self._body.interrupt()


@dataclass(frozen=True)
class Asking:
    """How a mirror is asked: how much, how long, which way."""

    route: Route
    #: bytes
    most: int
    #: seconds, of the monotonic clock
    until: float
    stop: threading.Event

    @property
    def patience(self) -> Patience:
        left = max(0.1, self.until - time.monotonic())
        # a connection that takes more than half of the time leaves none to measure
        return Patience(connect=min(5.0, left / 2), silence=left)

    def over(self) -> bool:
        return self.stop.is_set() or time.monotonic() >= self.until


def read_mirror(reading: Reading, sample: Sample, index: str | None, asking: Asking) -> None:
    """Fill `reading`; `index` is the official one, for the mirror that overrides nothing. Raises nothing."""
    try:
        address = _find(reading, sample, index, asking)
        _ask_headers(reading, address, asking)
        _read_beginning(reading, address, asking)
    except TroubleError as error:
        # What broke because nobody waited any longer is not its fault.
        if not reading.timed_out:
            reading.trouble = error.kind
    except Exception as error:  # noqa: BLE001 - raised again by the thread that listens
        # A connection that is taken away under its reader may end in any way.
        reading.bug = None if reading.timed_out else error
    reading.done = True


def _find(reading: Reading, sample: Sample, index: str | None, asking: Asking) -> Address:
    """The address of the file at this mirror. Raises TroubleError."""
    mirror = reading.mirror
    if sample.url is not None:
        url = mirror.rewritten(sample.url)
        if url is None:
            raise TroubleError("unlisted", t("it does not say where this file lies"), final=True)
        return Address(url)
    place = mirror.index(sample.tag) or index
    if place is None:
        raise TroubleError("unknown-address", t("its address is not known"), final=True)
    page = place if mirror.style == "find-links" else project_page(place, sample.project)
    content, came_from = _fetch_page(reading, page, asking)
    files = read_page(content, came_from)
    found = sample.pick(files)
    if not files and looks_like_a_page(content.encode()):
        raise login_page()
    if found is None:
        raise TroubleError("lacks-file", t("it does not offer this file"), final=True)
    reading.size = found.size
    return Address(next_hop(came_from, found.url), led_by=page)


def _fetch_page(reading: Reading, url: str, asking: Asking) -> tuple[str, str]:
    """A page of links and where it came from in the end, because its links are relative to that."""
    with opened(Address(url), {"Accept": ACCEPT, "Accept-Encoding": "gzip"}, asking.route, asking.patience) as (
        answer,
        body,
    ):
        judge(answer, Asked(0, None, None, page=True))
        reading._body = body  # noqa: SLF001 - see `give_up`
        content = bytearray()
        while chunk := body.read(_CHUNK, True):
            content += chunk
            if asking.over() or len(content) > _LONGEST_PAGE:
                raise TroubleError("stalled", t("its list of files does not end"))
        length = number_in(answer.headers.get("content-length", ""))
        if "content-encoding" not in answer.headers and length is not None and len(content) < length:
            raise TroubleError("cut", t("the connection broke off"))
        return content.decode("utf-8", "replace"), answer.url


def _ask_headers(reading: Reading, address: Address, asking: Asking) -> None:
    """HEAD: refusals and sizes for the price of a few bytes."""
    with opened(address, {}, asking.route, asking.patience, method="HEAD") as (answer, _):
        if answer.status in _NO_HEAD:
            return
        terms = judge(answer, Asked(0, reading.size, None))
        _learn(reading, answer, terms.total)


def _read_beginning(reading: Reading, address: Address, asking: Asking) -> None:
    asked_at = time.monotonic()
    headers = {"Range": f"bytes=0-{asking.most - 1}"}
    with opened(address, headers, asking.route, asking.patience) as (answer, body):
        reading._body = body  # noqa: SLF001 - see `give_up`
        reading.began = time.monotonic()
        reading.latency = reading.began - asked_at
        terms = _terms(answer)
        _learn(reading, answer, terms.total)
        wanted = asking.most if terms.total is None else min(asking.most, terms.total)
        _receive(reading, body, wanted, asking, packed=terms.packed)
        reading.ended = reading.read < wanted and not asking.over()
        if reading.ended and terms.total is not None:
            raise TroubleError("cut", t("it ended before the end of the file"))


def _receive(reading: Reading, body: Body, wanted: int, asking: Asking, *, packed: bool) -> None:
    began = time.monotonic()
    beginning = bytearray()
    while reading.read < wanted and (chunk := body.read(min(_CHUNK, wanted - reading.read), packed)):
        if not reading.read and looks_like_a_page(chunk):
            raise login_page()
        reading.read += len(chunk)
        reading.stirred = time.monotonic()
        reading.seconds = reading.stirred - began
        if reading.beginning is None:
            beginning += chunk[: COMPARED - len(beginning)]
            if len(beginning) == min(COMPARED, wanted):
                reading.beginning = hashlib.sha256(beginning).hexdigest()
        if asking.over():
            reading.timed_out = reading.read < wanted
            return


def _terms(answer: Answer) -> Terms:
    """A part from the first byte on is what was asked for; a whole file is as good."""
    if answer.status != 206:
        return judge(answer, Asked(0, None, None))
    said = answer.headers.get("content-range", "")
    first, _, total = said.removeprefix("bytes ").partition("/")
    if not first.startswith("0-"):
        raise TroubleError("wrong-range", t("it sent another part of the file than was asked for"))
    return Terms(0, number_in(total), None, packed=_packed(answer.headers))


def _packed(headers: Mapping[str, str]) -> bool:
    return headers.get("content-encoding", "identity") not in ("", "identity")


def _learn(reading: Reading, answer: Answer, total: int | None) -> None:
    reading.etag = answer.headers.get("x-linked-etag") or answer.headers.get("etag") or reading.etag
    reading.host = urlsplit(answer.url).hostname
    linked = number_in(answer.headers.get("x-linked-size", ""))
    size = total if linked is None else linked
    if size is not None and reading.size is not None and size != reading.size:
        raise TroubleError("wrong-size", t("its file has another size"), final=True)
    reading.size = size if size is not None else reading.size
