"""One way each to tell uv where packages come from, and where the same file lies elsewhere."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from launcher.core.download.door import Address
from launcher.core.packages.pip_default import official_index
from launcher.core.packages.wheels import WheelFile

#: the end of an address in the official index and in all that copy it whole: packages/aa/bb/rest-of-digest/name
_FILED = re.compile(r"packages/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]+/[^/]+$")


@dataclass(frozen=True)
class PackageSource:
    """An index, or the user's own sources together."""

    name: str
    #: those of one group have the same upstream and fail together
    group: str
    #: options of `uv pip`
    arguments: tuple[str, ...] = ()
    #: for uv; addresses with passwords stay out of its command line
    variables: Mapping[str, str] = field(default_factory=dict)
    #: the address of the index, where files lie as `style` says; None: not known
    index: str | None = None
    #: packages: as in the official index; flat: every file beside the projects' pages (PyTorch's)
    style: str = "packages"

    @property
    def address(self) -> str | None:
        """What uv will ask; None where nobody knows."""
        return self.index or official_index()


def addresses(file: WheelFile, found_at: PackageSource, others: Sequence[PackageSource]) -> tuple[Address, ...]:
    """Where the source that was asked says it lies, then where the others have it if they have it.

    A guess that is wrong costs one answer "not there"; what comes is judged by its SHA-256 wherever it came from.
    """
    first = _address(file.url, found_at)
    guesses = [_address(url, source) for source in others if (url := _guess(file, source)) is not None]
    return tuple({each.url: each for each in (first, *guesses)}.values())


def _guess(file: WheelFile, source: PackageSource) -> str | None:
    if source.index is None:
        return None
    base = source.index.rstrip("/") + "/"
    if source.style == "flat":
        return urljoin(base, quote(file.name))
    filed = _FILED.search(urlsplit(file.url).path)
    return urljoin(base, f"../{filed[0]}") if filed else None


def _address(url: str, source: PackageSource) -> Address:
    """A password in an address becomes a header, which the download sends to that host alone."""
    parts = urlsplit(url)
    account, _, host = parts.netloc.rpartition("@")
    if not account and source.index and urlsplit(source.index).netloc.rpartition("@")[2] == host:
        account = urlsplit(source.index).netloc.rpartition("@")[0]
    token = base64.b64encode(unquote(account).encode()).decode() if account else None
    plain = urlunsplit(parts._replace(netloc=host))
    return Address(plain, source.group, source.name, f"Basic {token}" if token else None, led_by=source.address)
