"""What the user's pip already knows: its configuration files and PIP_* variables, read without pip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PipSettings:
    """What pip would use to install; None and () are "not configured"."""

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    #: folders, files or pages
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    proxy: str | None = None
    #: path of a CA bundle
    cert: str | None = None
    client_cert: str | None = None
    #: shown but never obeyed: certificates are always checked
    trusted_hosts: tuple[str, ...] = ()
    #: seconds
    timeout: float | None = None
    #: the configuration files that had a say, lowest priority first
    files: tuple[Path, ...] = ()


def read_pip_settings(environ: Mapping[str, str]) -> PipSettings:
    """pip's settings for `pip install`; LauncherError `pip-settings` if a file cannot be understood."""
    raise NotImplementedError


def uv_arguments(pip: PipSettings) -> list[str]:
    """The options of `uv pip install` that say what pip's settings say about where packages come from."""
    raise NotImplementedError


def uv_environment(pip: PipSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """Variables for uv and the runtime to add: proxy, certificates, timeout; what `environ` already sets wins."""
    raise NotImplementedError


def shown(address: str) -> str:
    """`address` without the name and password in it."""
    raise NotImplementedError
