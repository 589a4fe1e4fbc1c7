"""Which services are needed on the network, and which of them answer by a way out: all at once, each really asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from launcher.core.hardware.inquiry import Inquiry
from launcher.core.mends.mend import Here, Values
from launcher.core.network.mirror_choice import Circumstances, chosen
from launcher.core.network.mirror_memory import Memory
from launcher.core.network.mirrors import Kind, read_mirrors
from launcher.core.network.proxy_check import service_addresses
from launcher.core.network.proxy_trial import try_way
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.settings import read_settings
from launcher.core.web_address import is_address

#: what nobody can do without; of the places for models either is enough
_NEEDED: tuple[tuple[Kind, ...], ...] = (("packages",), ("huggingface", "modelscope"), ("github",))


@dataclass(frozen=True)
class Need:
    """One service; any of its places will do."""

    name: str
    urls: tuple[str, ...]


def needs(here: Here, values: Values) -> tuple[Need, ...]:
    """The address that failed, else every service with the mirrors that Gesso would go to as well.

    A `host` of `values` may be the proxy's, so it tells nothing. LauncherError `bad-settings`, `bad-mirror`.
    """
    if is_address(values.get("url", "")):
        return (Need(str(urlsplit(values["url"]).hostname), (values["url"],)),)
    pip = read_pip_settings(here.environ)
    around = Circumstances(read_mirrors(workspace=here.workspace), read_settings(here.workspace).mirrors, {}, Memory())
    official = service_addresses(around.mirrors, pip)
    found = []
    for kinds in _NEEDED:
        urls: list[str | None] = []
        for kind in kinds:
            only_pips = kind == "packages" and pip.index_url is not None
            places = () if only_pips else chosen(around, kind).mirrors
            urls += [each.url or official.get(kind) for each in places] or [official.get(kind)]
        found.append(Need("/".join(kinds), tuple(dict.fromkeys(url for url in urls if url and is_address(url)))))
    return tuple(each for each in found if each.urls)


def silent(proxy: str | None, wanted: Sequence[Need], seconds: float) -> tuple[str, ...]:
    """The names of those of which no place answers, through `proxy` or directly."""
    until = time.monotonic() + seconds + 1.0
    asked = {
        each.name: [Inquiry(partial(try_way, url, proxy, seconds=seconds)) for url in each.urls] for each in wanted
    }
    return tuple(
        name
        for name, inquiries in asked.items()
        if not any((trial := inquiry.by(until)) is not None and trial.works for inquiry in inquiries)
    )
