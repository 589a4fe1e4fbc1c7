"""What a model's publisher tells about a file before it is fetched: name, size and SHA-256, asked of the host itself.

A mirror is never asked: a hash that came with the bytes would prove nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from launcher.core.download.door import Address, Patience, Wanted, download
from launcher.core.errors import LauncherError
from launcher.core.models.addresses import Ways, authorization, civitai_version
from launcher.core.process import CancelledError

_LARGEST = 8 * 1024 * 1024
_PATIENCE = Patience(connect=6.0, silence=8.0, strikes=1)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_FILE = re.compile(r"/(?P<set>datasets/)?(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


@dataclass(frozen=True)
class Published:
    """What was said; None: nothing."""

    name: str | None = None
    sha256: str | None = None
    size: int | None = None


def ask_publisher(url: str, ways: Ways, folder: Path, cancel: threading.Event | None = None) -> Published:
    """About the file at an official address; nothing where the host does not answer or is none that tells.

    `folder` takes the answer while it is read. CancelledError once `cancel` is set.
    """
    question, read = _question(url)
    if question is None:
        return Published()
    target = folder / f"{hashlib.sha256(question.encode()).hexdigest()[:16]}.json"
    host = urlsplit(question).hostname or ""
    # A token that has expired is refused where nobody needs one.
    tokens = dict.fromkeys((authorization(question, ways.environ), None))
    wanted = Wanted(host, target, tuple(Address(question, "official", host, token) for token in tokens))
    try:
        for _ in download(wanted, route=ways.route, cancel=cancel, replace=True, patience=_PATIENCE):
            pass
        return read(json.loads(target.read_bytes()[:_LARGEST]))
    except CancelledError:
        raise
    except (LauncherError, OSError, ValueError, RecursionError):
        return Published()
    finally:
        with contextlib.suppress(OSError):
            target.unlink()


def _question(url: str) -> tuple[str | None, Callable[[Any], Published]]:
    """The address that tells about the file, and how its answer is read."""
    version = civitai_version(url)
    if version is not None:
        file_id = parse_qs(urlsplit(url).query).get("fileId", [""])[0]
        return f"https://civitai.com/api/v1/model-versions/{version}", lambda found: of_civitai(found, file_id)
    found = _FILE.fullmatch(urlsplit(url).path) if urlsplit(url).hostname == "huggingface.co" else None
    if found is None:
        return None, lambda _: Published()
    path = unquote(found["path"])
    kind = "datasets" if found["set"] else "models"
    place = quote(path.rpartition("/")[0])
    return (
        f"https://huggingface.co/api/{kind}/{found['repo']}/tree/{found['revision']}{'/' + place if place else ''}",
        lambda listed: of_hugging_face(listed, path),
    )


def of_civitai(found: Any, file_id: str = "") -> Published:
    """The version's answer: `files[]` with `name`, `sizeKB`, `hashes.SHA256`, `primary`."""
    files = [one for one in _list(found, "files") if isinstance(one, dict)]
    chosen = [one for one in files if str(one.get("id")) == file_id] or [one for one in files if one.get("primary")]
    if not chosen and len(files) == 1:
        chosen = files
    if not chosen:
        return Published()
    hashes = chosen[0].get("hashes")
    name = chosen[0].get("name")
    # sizeKB is rounded for some files, so that it is no proof of anything
    return Published(
        name if isinstance(name, str) else None, _sha256(hashes.get("SHA256") if isinstance(hashes, dict) else None)
    )


def of_hugging_face(found: Any, path: str) -> Published:
    """The folder's list: entries with `path`, `size` and, for large files, `lfs.oid` (the SHA-256)."""
    entries = found if isinstance(found, list) else []
    entry = next((one for one in entries if isinstance(one, dict) and one.get("path") == path), None)
    if entry is None:
        return Published()
    lfs, size = entry.get("lfs"), entry.get("size")
    digest = _sha256(lfs.get("oid")) if isinstance(lfs, dict) else None
    return Published(path.rpartition("/")[2], digest, size if type(size) is int and size >= 0 else None)


def _list(found: Any, key: str) -> list[Any]:
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, list) else []


def _sha256(written: object) -> str | None:
    return written.lower() if isinstance(written, str) and _SHA256.fullmatch(written) else None
