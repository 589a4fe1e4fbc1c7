"""Which git updates Gesso, and which addresses it may ask."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from launcher.core.errors import LauncherError
from launcher.core.git_calls import Git, environment
from launcher.core.proxy_address import masked
from launcher.core.text import Text, t
from launcher.core.web_address import shown

#: this computer itself
LOCAL = ("127.0.0.1", "localhost", "::1")
#: the first with `fetch --no-write-fetch-head`
OLDEST = (2, 29)


def find_git(root: Path, environ: Mapping[str, str]) -> Git:
    """The git of the variable GIT, as AUTOMATIC1111 knows it, else the one on the path.

    LauncherError `no-git`, `git-too-old`.
    """
    wanted = environ.get("GIT") or environ.get("GIT_PYTHON_GIT_EXECUTABLE") or "git"
    program = shutil.which(wanted.strip('"'), path=environ.get("PATH"))
    if program is None:
        raise LauncherError(
            "no-git",
            t("This copy of Gesso was cloned with git, and there is no git on this computer now."),
            t("Install git, or name it in the variable GIT, and run the same command again."),
        )
    git = Git(program, root, environment(environ))
    said = " ".join(git.call("version", seconds=15).out)
    found = re.search(r"(\d+)\.(\d+)", said)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise LauncherError(
            "git-too-old",
            t("{program} is no git that can be used here: {said}", program=program, said=said or "?"),
            t("Install git {oldest} or newer.", oldest=oldest),
        )
    return git


def for_address(git: Git, url: str) -> Git:
    """The git that may ask `url`: unencrypted only on this computer itself.

    LauncherError `update-remote` for an address that git would run a program for, or that is not encrypted.
    """
    _check(url)
    return replace(git, protocols=(*git.protocols, "http")) if url.startswith("http://") else git


def refuse_unchecked(git: Git, url: str, settings: Sequence[str] = ()) -> None:
    """LauncherError `update-unchecked` if git checks no certificate where `url` leads it to; no network is asked.

    `settings`: of the call that follows. Only what is said for an address of its own can do that here: of two
    settings of http.* git takes the one whose address fits best (git-config, "http.<url>.*").
    """
    address = git.call(*settings, "ls-remote", "--get-url", "--", url).out[:1]
    if not address or not address[0].lower().startswith("https://"):
        return
    words = ("config", "--type=bool", "--get-urlmatch", "http.sslVerify", address[0])
    if git.call(*settings, *words).out != ("true",):
        raise LauncherError(
            "update-unchecked",
            t("Gesso is not updated from {url}: git is told not to check its certificate.", url=shown(address[0])),
            t(
                "`git config --show-origin --get-regexp sslverify` shows where that stands: take it away there. "
                "A certificate of your own is made known to git by http.sslCAInfo."
            ),
        )


def _check(url: str) -> None:
    scheme = url.partition("::")[0] if "::" in url else urlsplit(url).scheme
    local = urlsplit(url).hostname in LOCAL
    bad = "::" in url or url.startswith("-") or any(ord(letter) < 32 for letter in url)
    if bad or (scheme in ("http", "git", "ftp", "ftps") and not local):
        raise unwanted(url, t("`git remote set-url` changes it: https:// is well."))


def unwanted(url: str, hint: Text) -> LauncherError:
    """What comes from there could have been changed on the way, or could be a program."""
    sentence = t("Gesso is not updated from {url}: such an address is not safe.", url=masked(url))
    return LauncherError("update-remote", sentence, hint)
