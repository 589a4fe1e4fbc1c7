"""Where the user has told other programs to ask: pip, uv, git, Hugging Face; that wins over what was measured."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.core.errors import LauncherError
from launcher.core.git_calls import Git, environment
from launcher.core.network.mirrors import OFFICIAL, STYLES, Kind, Mirror
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.paths import checkout
from launcher.core.text import Text, t
from launcher.core.web_address import is_address, shown

#: per kind, the variables that say it, the strongest first
VARIABLES: dict[Kind, tuple[str, ...]] = {
    "packages": ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"),
    "torch": (),
    "huggingface": ("HF_ENDPOINT",),
    "modelscope": (),
    "github": (),
    "python": ("UV_PYTHON_INSTALL_MIRROR",),
}
GITHUB = "https://github.com/"
_INSTEAD = re.compile(r"^url\.(.+)\.insteadof\s+(\S+)$", re.IGNORECASE)


@dataclass(frozen=True)
class MirrorTold:
    """An address that another program was told, and where that stands."""

    #: may hold a password: to be shown through `shown`
    address: str
    where: Text
    #: a variable, said for this run; else a file, said for good
    variable: bool
    #: the program finds it by itself, so that nothing is to be said to it
    mirror: Mirror


def told(kind: Kind, environ: Mapping[str, str], pip: PipSettings) -> MirrorTold | None:
    """What the environment or a configuration file says about `kind`; None: nothing."""
    for name in VARIABLES[kind]:
        if environ.get(name):
            where = t("the variable {name}", name=name)
            return MirrorTold(environ[name], where, True, _mirror(kind, environ[name]))
    if kind == "packages" and (pip.no_index or pip.index_url):
        address = pip.index_url or "no-index"
        return MirrorTold(address, t("pip's configuration"), False, _mirror(kind, pip.index_url or ""))
    if kind == "github" and (base := git_mirror(environ)):
        return MirrorTold(base, t("git's configuration (url.insteadOf)"), False, _replacing(base))
    return None


def git_mirror(environ: Mapping[str, str]) -> str | None:
    """What git puts in the place of https://github.com/, if that is an address of the web; None without git."""
    git = Git("git", checkout(), environment(environ))
    try:
        return mirror_in(git.call("config", "--get-regexp", r"^url\..*\.insteadof$").out)
    except LauncherError:
        return None


def mirror_in(lines: Sequence[str]) -> str | None:
    """From the lines of `git config --get-regexp`."""
    for line in lines:
        found = _INSTEAD.match(line)
        if found and found[2].rstrip("/") == GITHUB.rstrip("/") and is_address(found[1]):
            return found[1]
    return None


def _mirror(kind: Kind, address: str) -> Mirror:
    """Packages: uv is told of pip's own settings anyway, so nothing is overridden."""
    name = shown(address) or "pip"
    if kind == "packages":
        return Mirror(name, OFFICIAL, None, official=True)
    return Mirror(name, f"own:{name}", None, url=address, style=STYLES[kind])


def _replacing(address: str) -> Mirror:
    """git puts `address` in the place of the host, whatever it looks like."""
    name = shown(address)
    return Mirror(name, f"own:{name}", None, url=address, style="endpoint")
