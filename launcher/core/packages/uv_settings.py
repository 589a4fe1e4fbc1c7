"""pip's settings said to uv, which reads none of pip's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from launcher.core.packages.pip_settings import PipSettings
from launcher.core.proxy_address import repaired

#: uv's own names for where packages come from; what the user has set there is meant for uv and wins
_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")


def uv_arguments(pip: PipSettings) -> list[str]:
    """The options of `uv pip install` that go with `uv_environment`; no address is among them.

    pip takes the best version from all indexes together, uv stops at the first index that knows the package. A user
    whose extra index holds one old version of a package would get nothing at all, so with extra indexes uv is told to
    do as pip. What makes that unsafe elsewhere (a stranger's package of the same name) our lock's hashes rule out.
    """
    arguments = ["--no-index"] if pip.no_index else []
    if pip.extra_index_urls:
        arguments += ["--index-strategy", "unsafe-best-match"]
    return arguments


def uv_environment(pip: PipSettings, environ: Mapping[str, str], *, indexes: bool = True) -> dict[str, str]:
    """Variables to add for uv: sources (not with `indexes` False: then none but those on uv's command line), proxy,
    certificates, timeout.

    Addresses may hold passwords, and other users can read a command line but not an environment. pip's own settings
    win over general variables (HTTPS_PROXY), as they do in pip; uv's own variables win over pip's settings.
    LauncherError `proxy-not-usable` if pip's proxy is none.
    """
    sources = _sources(pip, environ) if indexes else dict.fromkeys(_INDEX_VARIABLES, "")
    return {**sources, **_network(pip, environ)}


def _sources(pip: PipSettings, environ: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if pip.index_url and not (environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL")):
        found["UV_DEFAULT_INDEX"] = pip.index_url
    if pip.extra_index_urls and not (environ.get("UV_INDEX") or environ.get("UV_EXTRA_INDEX_URL")):
        found["UV_INDEX"] = " ".join(url for url in pip.extra_index_urls if _is_there(url))
    if pip.find_links and not environ.get("UV_FIND_LINKS"):
        found["UV_FIND_LINKS"] = ",".join(link for link in pip.find_links if _is_there(link))
    return {name: value for name, value in found.items() if value}


def _is_there(source: str) -> bool:
    """pip warns of a local folder that is gone and goes on; uv would end."""
    path = local_path(source)
    return path is None or path.exists()


def local_path(source: str) -> Path | None:
    """The folder or file behind a path or file:// address; None for an address on the network."""
    if source.startswith("file:"):
        return Path(url2pathname(urlsplit(source).path))
    return None if "://" in source else Path(source)


def _network(pip: PipSettings, environ: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if pip.proxy:
        proxy = repaired(pip.proxy)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            # both spellings: where one stands in the environment already, libraries differ in which they believe
            found[name] = found[name.lower()] = proxy
    if pip.cert:
        found["SSL_CERT_DIR" if Path(pip.cert).is_dir() else "SSL_CERT_FILE"] = pip.cert
    if pip.client_cert:
        found["SSL_CLIENT_CERT"] = pip.client_cert
    if pip.timeout and not environ.get("UV_HTTP_TIMEOUT"):
        found["UV_HTTP_TIMEOUT"] = str(max(1, round(pip.timeout)))
    return found
