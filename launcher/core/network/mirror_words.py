"""A choice of mirrors, said to the programs that Gesso starts: uv, pip, git and Hugging Face's library."""

from __future__ import annotations

from collections.abc import Mapping

from launcher.core.network.mirror_choice import Choice
from launcher.core.network.mirror_told import GITHUB
from launcher.core.network.mirrors import Mirror

#: variables with the user's token, which Hugging Face's library would send to the endpoint by itself
HUGGING_FACE_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def python_variables(mirror: Mirror) -> dict[str, str]:
    """For uv, when it fetches a Python."""
    return {"UV_PYTHON_INSTALL_MIRROR": mirror.url} if mirror.url else {}


def package_variables(choice: Choice) -> dict[str, str]:
    """For children that may call pip or uv themselves, as extensions do."""
    index = choice.first.index()
    return {"PIP_INDEX_URL": index, "UV_DEFAULT_INDEX": index} if index and choice.basis != "variable" else {}


def hugging_face_variables(choice: Choice, environ: Mapping[str, str]) -> dict[str, str]:
    """For children that use Hugging Face's library. A token never goes to a mirror that the user did not name there.

    The library sends its token to whatever HF_ENDPOINT names, so with a mirror of ours it is told of none.
    """
    url = choice.first.url
    if url is None or choice.basis == "variable":
        return {}
    withheld = {name: "" for name in HUGGING_FACE_TOKENS if environ.get(name)}
    return {"HF_ENDPOINT": url.rstrip("/"), "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", **withheld}


def git_base(mirror: Mirror) -> str | None:
    """What takes the place of https://github.com/ in git's configuration; None: nothing does."""
    return mirror.rewritten(GITHUB) if mirror.url else None
