"""One attempt at one address, in a thread of its own, because a silent server must not keep anybody from cancelling."""

from __future__ import annotations

import threading
import time

from launcher.core.download.answer import Asked, Terms, judge, login_page, looks_like_a_page
from launcher.core.download.disk import check_space
from launcher.core.download.pace import Brake, Watch
from launcher.core.download.part import Part
from launcher.core.download.request import Address, Patience, Route, StoppedError, TroubleError, Wanted
from launcher.core.download.stream import Body, opened
from launcher.core.errors import LauncherError
from launcher.core.text import t

_CHUNK = 256 * 1024
#: where the size is unknown, the disk is asked again after so many bytes
_BLIND = 64 * 1024 * 1024
#: seconds that a disk may take for one chunk
_LONGEST_WRITE = 30.0
_PAGES = (".html", ".htm", ".xhtml")


class Transfer:
    """Fills `part` from `address`; `error` tells, when the thread has ended, why it is not complete."""

    def __init__(
        self, wanted: Wanted, part: Part, address: Address, route: Route, patience: Patience, brake: Brake, *,
        floor: float | None,
    ) -> None:  # fmt: skip
        """`floor`: bytes per second below which the address is left; None: it is not."""
        self._wanted, self._part, self._address, self._route = wanted, part, address, route
        self._patience, self._brake, self._floor = patience, brake, floor
        self._stop = threading.Event()
        # Held by whoever touches the part: once `stop` has had it, this thread never does again.
        self._gate = threading.Lock()
        self._body: Body | None = None
        self.error: Exception | None = None
        #: when a byte came last (or the attempt began), seconds of the monotonic clock
        self.stirred = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, at the latest after `seconds`."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def stop(self, patience: float = 0.3) -> None:
        """No byte is written any more; the thread ends by itself, even if its server says nothing."""
        self._stop.set()
        if self._body is not None:
            self._body.interrupt()
        self._thread.join(patience)
        if self._gate.acquire(timeout=_LONGEST_WRITE):
            self._gate.release()

    def _run(self) -> None:
        try:
            self._transfer()
        except (TroubleError, LauncherError, StoppedError) as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - a bug belongs to the thread that can show it
            self.error = error

    def _transfer(self) -> None:
        part = self._part
        if part.size is not None and part.length == part.size:
            return
        if part.length and not part.may_continue(self._address):
            part.restart()
        asked = Asked(part.length, part.size, part.validators.get(self._address.key), self._page())
        with opened(self._address, _headers(asked), self._route, self._patience) as (answer, body):
            terms = judge(answer, asked)
            self._check_size(terms)
            with self._gate:
                self._goes_on()
                part.begin(self._address, terms.offset, terms.total, terms.validator)
                self._body = body
            if not terms.complete:
                self._receive(body, terms)

    def _receive(self, body: Body, terms: Terms) -> None:
        watch = Watch(self._floor or 0.0, self._patience.slow_time, self._brake.limit, time.monotonic())
        first = terms.offset == 0 and not self._page()
        checked = self._part.length
        while chunk := body.read(self._brake.bite(_CHUNK), terms.packed):
            self.stirred = time.monotonic()
            if first and looks_like_a_page(chunk):
                raise login_page()
            first = False
            with self._gate:
                self._goes_on()
                self._take(chunk)
            if self._part.size is None and self._part.length - checked > _BLIND:
                checked = self._part.length
                check_space(self._wanted.target, _BLIND)
            if watch.slow(len(chunk), self.stirred):
                raise TroubleError("slow", t("it is slow"))
            self._brake.after(len(chunk), self._stop)
        self._goes_on()
        size = self._part.size
        nothing = self._part.length == 0 and self._wanted.size is None and self._wanted.sha256 is None
        if nothing:
            self._part.restart()
        if nothing or (size is not None and self._part.length < size):
            raise TroubleError("cut", t("it ended before the end of the file"))
        self._part.size = self._part.length

    def _take(self, chunk: bytes) -> None:
        size = self._part.size
        if size is not None and self._part.length + len(chunk) > size:
            self._part.restart()
            raise TroubleError("wrong-size", t("it sent more than the file has"), final=True)
        if size is None and self._part.length > self._patience.longest_unknown:
            self._part.restart()
            raise TroubleError("wrong-size", t("it does not say how long the file is, and does not end"), final=True)
        self._part.write(chunk)

    def _check_size(self, terms: Terms) -> None:
        if self._wanted.size is not None and terms.total is not None and terms.total != self._wanted.size:
            raise TroubleError("wrong-size", t("its file has another size"), final=True)

    def _goes_on(self) -> None:
        if self._stop.is_set():
            raise StoppedError

    def _page(self) -> bool:
        return self._wanted.target.suffix.lower() in _PAGES


def _headers(asked: Asked) -> dict[str, str]:
    if asked.offset == 0:
        return {}
    headers = {"Range": f"bytes={asked.offset}-"}
    return {**headers, "If-Range": asked.validator} if asked.validator else headers
