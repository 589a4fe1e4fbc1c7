"""One short question to each service that files come from, the way Gesso would go: who answers, and what time it is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Literal

from launcher.core.download.request import Address, Patience, TroubleError, host
from launcher.core.download.stream import opened
from launcher.core.hardware.inquiry import Inquiry
from launcher.core.mends.mend import Here
from launcher.core.network.mirror_choice import Choice, Circumstances, chosen, look_around
from launcher.core.network.mirror_table import latest
from launcher.core.network.mirrors import KINDS, PYTHON_BUILDS, Kind
from launcher.core.network.proxies import find_proxies
from launcher.core.packages.pip_default import official_index
from launcher.core.packages.pip_settings import PipSettings, read_pip_settings
from launcher.core.pytorch.table import read_torch_table
from launcher.core.settings import read_settings
from launcher.core.text import Text, t
from launcher.core.web_address import is_address, origin

#: early: for this computer's clock its time has not come yet; late: it has run out
Validity = Literal["early", "late"]
#: what servers in the middle answer for one that cannot be reached
_OF_THE_MIDDLE = (502, 503, 504)
_SILENT = t("it fell silent")


@dataclass(frozen=True)
class Heard:
    """What one host answered. `ahead`: how far this computer's clock is before its own."""

    works: bool
    why: Text | None = None
    ahead: timedelta | None = None
    #: what is wrong with the dates of its certificate
    validity: Validity | None = None


@dataclass(frozen=True)
class Service:
    """One kind of files: where they come from now, and how that place answers."""

    kind: Kind
    host: str
    choice: Choice
    heard: Heard
    #: directly it works, though the way that is set (through the proxy) does not
    directly: bool = False


@dataclass(frozen=True)
class Reach:
    """Every kind of files that has an address."""

    services: tuple[Service, ...]

    @property
    def nothing(self) -> bool:
        return not any(each.heard.works or each.directly for each in self.services)


def reach(here: Here, until: float) -> Reach:
    """All at once; who has not answered by `until` (of time.monotonic) is silent. LauncherError where a setting is
    wrong."""
    pip = read_pip_settings(here.environ)
    around = look_around(here.workspace, here.environ, pip=pip)
    # A minute of the program's life that most computers need a part of: it is asked beside the rest.
    index = Inquiry(official_index)
    choices = {kind: chosen(around, kind, _tag(around, kind)) for kind in KINDS}
    proxies = find_proxies(here.environ, settings=read_settings(here.workspace).proxy, pip=pip, system=False)
    addresses = dict(_addresses(around, choices, pip, index, until - 0.8))
    ways = {(origin(url), proxies.of(url)) for url in addresses.values()}
    ways |= {(place, None) for place, _ in ways}
    seconds = max(0.2, until - time.monotonic() - 0.1)
    asked = {way: Inquiry(partial(ask, *way, seconds)) for way in ways}
    heard = {way: inquiry.by(until) or Heard(False, _SILENT) for way, inquiry in asked.items()}
    return Reach(
        tuple(
            Service(kind, host(url), choices[kind], heard[origin(url), proxies.of(url)], heard[origin(url), None].works)
            for kind, url in addresses.items()
        )
    )


def ask(place: str, proxy: str | None, seconds: float) -> Heard:
    """The headers of `place`'s first page. Never raises."""
    patience = Patience(connect=seconds, silence=seconds)
    try:
        with opened(Address(place), {}, lambda _url, _led_by: proxy, patience, method="HEAD") as (answer, _):
            now = datetime.now(timezone.utc)
            works = proxy is None or answer.status not in _OF_THE_MIDDLE
            return Heard(works, _refusal(answer.status) if not works else None, _ahead(answer.headers, now))
    except TroubleError as trouble:
        # It answered; where it leads does not matter.
        return Heard(trouble.kind == "redirects", trouble.why, validity=_validity(trouble))


def _refusal(status: int) -> Text:
    return t("it is out of order ({status})", status=status)


def _ahead(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    with contextlib.suppress(TypeError, ValueError):
        told = parsedate_to_datetime(headers.get("date", ""))
        return now - (told if told.tzinfo else told.replace(tzinfo=timezone.utc))
    return None


def _validity(trouble: TroubleError) -> Validity | None:
    """OpenSSL's words, which are the same on every system."""
    said = str(trouble.__cause__)
    if "certificate is not yet valid" in said:
        return "early"
    return "late" if "certificate has expired" in said else None


def _tag(around: Circumstances, kind: Kind) -> str | None:
    measured = latest(around.memory.measurements, kind)
    return measured.key.partition(":")[2] or None if measured else None


def _addresses(
    around: Circumstances, choices: Mapping[Kind, Choice], pip: PipSettings, index: Inquiry[str | None], until: float
) -> Iterator[tuple[Kind, str]]:
    """Of each kind the place that counts; what lies in folders of the user's is asked of nobody."""
    samples = around.mirrors.samples
    torch = next((build.index for build in read_torch_table().builds if build.index), None)
    official: dict[Kind, str | None] = {
        "packages": None if pip.no_index else pip.index_url or index.by(until),
        "torch": None if pip.no_index else torch,
        "huggingface": samples.huggingface.url,
        "modelscope": samples.modelscope.url,
        "github": samples.github.url,
        "python": PYTHON_BUILDS,
    }
    for kind, choice in choices.items():
        url = choice.first.index("cpu") or official[kind]
        if url and is_address(url):
            yield kind, url
