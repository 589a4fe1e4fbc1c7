"""A project's page in a package index, read: the files it names (PyPA specification "simple repository API")."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import PurePosixPath
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

#: JSON first: it gives sizes
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


@dataclass(frozen=True)
class IndexFile:
    """One file that an index offers."""

    #: without escapes: "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
    name: str
    #: absolute
    url: str
    #: as the index says, which may be a mirror; None: it says none
    sha256: str | None = None
    #: bytes; only the JSON form has it
    size: int | None = None


def project_page(index: str, project: str) -> str:
    """The address of a project's page, its name normalised."""
    return f"{index.rstrip('/')}/{re.sub('[-_.]+', '-', project).lower()}/"


def read_page(page: str, url: str) -> tuple[IndexFile, ...]:
    """The files on a page that came from `url`, in either form; also on a plain page of links. () if there is none."""
    if page.lstrip().startswith("{"):
        return _from_json(page, url)
    reader = _Links(url)
    # Python's reader gives up with one of these at a declaration that it does not know.
    with contextlib.suppress(AssertionError):
        reader.feed(page)
    return tuple(_linked(link) for link in reader.links)


class _Links(HTMLParser):
    """Where the anchors of a page lead; a <base> comes before them."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._base = url
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = (dict(attrs).get("href") or "").strip()
        if target and tag in ("base", "a"):
            # What is no address at all is no file either.
            with contextlib.suppress(ValueError):
                self._take(tag, urljoin(self._base, target))

    def _take(self, tag: str, link: str) -> None:
        if tag == "base":
            self._base = link
        else:
            self.links.append(link)


def _linked(link: str) -> IndexFile:
    url, fragment = urldefrag(link)
    digest = re.fullmatch(r"sha256=([0-9a-f]{64})", fragment, re.IGNORECASE)
    return IndexFile(_name(url), url, digest[1].lower() if digest else None)


def _from_json(page: str, url: str) -> tuple[IndexFile, ...]:
    try:
        files = json.loads(page)["files"]
        return tuple(_described(each, url) for each in files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()


def _described(file: dict[str, object], url: str) -> IndexFile:
    hashes, size = file.get("hashes"), file.get("size")
    digest = hashes.get("sha256") if isinstance(hashes, dict) else None
    target = urljoin(url, str(file["url"]))
    return IndexFile(
        str(file.get("filename") or _name(target)),
        target,
        digest.lower() if isinstance(digest, str) else None,
        size if type(size) is int else None,
    )


def _name(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).name
