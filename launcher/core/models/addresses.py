"""Where a model is to be had: official addresses, the mirrors of each, and who must be told a token."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, unquote, urlsplit

from launcher.core.download.door import Address, Patience, Route
from launcher.core.errors import LauncherError
from launcher.core.events import Event
from launcher.core.network.mirror_choice import Circumstances, addresses, chosen, fastest_first, look_around
from launcher.core.network.mirror_samples import Sample, sample_of_url
from launcher.core.network.mirror_survey import survey_unknown
from launcher.core.network.mirror_words import HUGGING_FACE_TOKENS
from launcher.core.network.mirrors import Kind, Mirrors, kind_of, read_mirrors
from launcher.core.network.routes import find_route
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.paths import Workspace
from launcher.core.settings import read_settings
from launcher.core.text import Text, t
from launcher.core.web_address import is_address, shown, written_address

_KINDS: tuple[Kind, ...] = ("huggingface", "modelscope", "github")
#: host -> variables in which people keep their token for it; no other host is ever told
TOKENS = {
    "huggingface.co": HUGGING_FACE_TOKENS,
    "civitai.com": ("CIVITAI_API_TOKEN", "CIVITAI_TOKEN"),
}
#: bytes; what is smaller is there before the measuring is done
_WORTH_MEASURING = 64 * 1024 * 1024
_HUGGING_FACE_FILE = re.compile(r"/(?:datasets/)?[^/]+/[^/]+/(?P<what>resolve|blob|raw)/[^/]+/(?P<path>.+)")


@dataclass(frozen=True)
class Ways:
    """How this computer gets files: what counts for mirrors, the route, bytes per second."""

    around: Circumstances
    route: Route
    limit: int | None
    environ: Mapping[str, str]
    #: None: download's own
    patience: Patience | None = None

    def of(self, urls: Iterable[str]) -> tuple[Address, ...]:
        """Every address of every official `url`: those measured to be fast first, else in their order of preference."""
        found: dict[str, tuple[Kind | None, Address]] = {}
        for url in urls:
            for address in self._one(url):
                found.setdefault(address.url, (kind_of(url), address))
        # "official" alone would not tell Hugging Face from ModelScope
        return tuple(_by_host(address) for address in fastest_first(self.around, tuple(found.values())))

    def _one(self, url: str) -> tuple[Address, ...]:
        kind, token = kind_of(url), authorization(url, self.environ)
        if kind is None:
            host = urlsplit(url).hostname or url
            return (Address(url, host, host, token),)
        return addresses(chosen(self.around, kind), url, token)


@dataclass(frozen=True)
class OnlineFile:
    """A file at its official address, with what is known of it."""

    url: str
    size: int | None
    sha256: str | None
    #: bytes of it that need not be fetched any more
    there: int = 0


def find_ways(workspace: Workspace, environ: Mapping[str, str]) -> Ways:
    """Reads settings, measurements and proxies; asks nobody on the network. LauncherError where a file is wrong."""
    settings = read_settings(workspace)
    pip = read_pip_settings(environ)
    router = find_route(read_mirrors(workspace=workspace), settings.proxy, environ, pip=pip)
    limit = settings.downloads.limit_kib
    around = look_around(workspace, environ, _KINDS, pip=pip)
    return Ways(around, router, limit * 1024 if limit else None, environ)


def measured_ways(
    workspace: Workspace, ways: Ways, files: Sequence[OnlineFile], cancel: threading.Event | None
) -> Generator[Event, None, Ways]:
    """`ways` with mirrors in the order of their speed for the first large file of each kind that is to be fetched.

    Nothing is asked where somebody has chosen, there is nothing to choose from, or this network was measured of late.
    """
    wanted: dict[Kind, Sample] = {}
    places = 0
    for file in files:
        kind = kind_of(file.url)
        if kind is None or kind in wanted or (file.size or 0) - file.there < _WORTH_MEASURING:
            continue
        choice = chosen(ways.around, kind)
        if choice.basis in ("measured", "official"):
            places += len(choice.mirrors)
            wanted[kind] = sample_of_url(kind, file.url, file.size, file.sha256)
    if places < 2:
        return ways
    pip = read_pip_settings(ways.environ)
    around = yield from survey_unknown(
        workspace, ways.around, wanted.values(), pip=pip, route=ways.route, cancel=cancel
    )
    return replace(ways, around=around)


def authorization(url: str, environ: Mapping[str, str]) -> str | None:
    """The header for the host of `url`, if the user keeps a token for it. LauncherError `bad-token`."""
    parts = urlsplit(url)
    names = TOKENS.get(parts.hostname or "", ()) if parts.scheme == "https" else ()
    name = next((name for name in names if environ.get(name, "").strip()), None)
    if name is None:
        return None
    token = environ[name].strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise LauncherError(
            "bad-token",
            t("The variable {name} holds no token: a token is one word of Latin letters, digits and signs.", name=name),
            t("Copy the token from its page again, or take the variable away."),
        )
    return f"Bearer {token}"


def file_address(url: str, mirrors: Mirrors | None = None) -> str:
    """What to fetch for an address as people copy it: a page about a file becomes the file's own address, and one of
    `mirrors` (None: of Gesso's list) that of the official place.

    LauncherError `not-an-address`, or `page-address` for a page that leads to several files.
    """
    url = _official(written_address(url), mirrors or read_mirrors())
    parts = urlsplit(url)
    if parts.hostname == "huggingface.co":
        return _hugging_face(url)
    if parts.hostname in ("modelscope.cn", "www.modelscope.cn"):
        return _modelscope(url)
    if parts.hostname in ("civitai.com", "www.civitai.com"):
        return _civitai(url)
    if parts.hostname == "github.com":
        return url.replace("/blob/", "/raw/", 1)
    return url


def _official(url: str, mirrors: Mirrors) -> str:
    """Those that keep the official place's paths, or have its whole address behind their own, tell it."""
    for mirror in (*mirrors.huggingface, *mirrors.github):
        before, found, rest = url.partition((mirror.url or "\0").rstrip("/") + "/")
        if found and not before and mirror.style == "endpoint" and mirror in mirrors.huggingface:
            return f"https://huggingface.co/{rest}"
        if found and not before and mirror.style == "prefix" and is_address(rest):
            return rest
    return url


def typed_first(found: tuple[Address, ...], typed: str, official: str) -> tuple[Address, ...]:
    """Whoever gives a mirror's address means that mirror, and the others only when it fails."""
    host, path = urlsplit(typed).hostname or "", urlsplit(official).path
    if host == urlsplit(official).hostname or kind_of(official) is None:
        return found
    mine = [one for one in found if urlsplit(one.url).hostname == host]
    prefix, whole, _ = typed.partition("/https://")
    mine = mine or [Address(f"{prefix}/{official}" if whole else f"https://{host}{path}", f"typed:{host}", host)]
    return (*mine, *(one for one in found if one not in mine))


def _by_host(address: Address) -> Address:
    return replace(address, name=urlsplit(address.url).hostname or address.name)


def _hugging_face(url: str) -> str:
    """Its mirrors keep its paths, so that the official address is known from theirs."""
    parts = urlsplit(url)
    found = _HUGGING_FACE_FILE.fullmatch(parts.path)
    if found is None:
        raise _page(url, t("Open the file there and copy the address of its download button."))
    path = parts.path.replace(f"/{found['what']}/", "/resolve/", 1)
    return f"https://huggingface.co{path}"


def _modelscope(url: str) -> str:
    """The page about a file has its revision and path too; every other page of a model is none of a file."""
    parts = urlsplit(url)
    found = re.fullmatch(r"(?P<model>/models/[^/]+/[^/]+)/file/view/(?P<file>[^/]+/.+)", parts.path)
    if found:
        return parts._replace(path=f"{found['model']}/resolve/{found['file']}", query="", fragment="").geturl()
    if re.fullmatch(r"/models/[^/]+/[^/]+(/(files|summary|feedback)?)?", parts.path):
        raise _page(url, t("Open the file there and copy the address of its download button."))
    return url


def _civitai(url: str) -> str:
    parts = urlsplit(url)
    if parts.path.startswith("/api/download/models/"):
        # The host's other name would get neither the token nor the question for the hash.
        return parts._replace(scheme="https", netloc="civitai.com").geturl()
    version = parse_qs(parts.query).get("modelVersionId", [""])[0]
    if not version.isdecimal():
        raise _page(url, t("Choose a version there, and copy the address of its download button."))
    return f"https://civitai.com/api/download/models/{version}"


def civitai_version(url: str) -> int | None:
    """The version that an address of Civitai's names."""
    found = re.fullmatch(r"/api/download/models/(\d+)", urlsplit(url).path)
    return int(found[1]) if found and urlsplit(url).hostname == "civitai.com" else None


def name_in(url: str) -> str:
    """The file's name as the address has it; "" if it has none."""
    return unquote(urlsplit(url).path.rpartition("/")[2])


def _page(url: str, hint: Text) -> LauncherError:
    return LauncherError(
        "page-address",
        t("{address} is a page, not a file.", address=shown(url)[:200]),
        hint,
    )
