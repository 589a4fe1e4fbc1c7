"""Where everything lies: the checkout, the workspace, and the environment variables that keep children inside it."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.proxy_address import is_plain, repaired
from launcher.core.proxy_bypass import exported, split
from launcher.core.text import Text, t

#: cache variables a child may follow, and the folder under `cache/` each is pointed to unless the user set it
CACHES = {
    "UV_CACHE_DIR": "uv",
    "UV_PYTHON_INSTALL_DIR": "python",
    "PIP_CACHE_DIR": "pip",
    "HF_HOME": "huggingface",
    "TORCH_HOME": "torch",
    "TORCHINDUCTOR_CACHE_DIR": "torchinductor",
    "TRITON_CACHE_DIR": "triton",
    "CUDA_CACHE_PATH": "cuda",
    "MPLCONFIGDIR": "matplotlib",
    "XDG_CACHE_HOME": "other",
    "GRADIO_TEMP_DIR": "gradio",
}
#: what another Python, conda or a debugger may have left behind and what would make a child load foreign modules
FOREIGN = (
    "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "PYTHONUSERBASE", "PYTHONPLATLIBDIR",
    "PYTHONINSPECT", "PYTHONOPTIMIZE", "PYTHONBREAKPOINT", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV",
    "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_PYTHON_EXE", "CONDA_PROMPT_MODIFIER", "CONDA_SHLVL",
    "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV",
)  # fmt: skip
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
#: a file beside install.sh: the folder that the guided install was told to use
KEPT_ROOT = ".workspace"
#: no library reports home, whatever its default
SILENT = {"HF_HUB_DISABLE_TELEMETRY": "1", "GRADIO_ANALYTICS_ENABLED": "False", "DO_NOT_TRACK": "1"}

#: Windows' devices of old, with any ending. Source: Microsoft, "Naming Files, Paths, and Namespaces"
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Workspace:
    """The one folder that holds everything; deleting it uninstalls."""

    root: Path

    @property
    def environments(self) -> Path:
        return self.root / "environments"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def outputs(self) -> Path:
        return self.root / "outputs"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def config_file(self) -> Path:
        return self.root / "config.toml"


def checkout() -> Path:
    """The folder that holds install.sh, launcher/ and runtime/."""
    return Path(__file__).resolve().parents[2]


def find_workspace(root: str | None, environ: Mapping[str, str]) -> Workspace:
    """`--root`, else GESSO_ROOT, else what the guided install keeps, else `workspace/` in the checkout; always
    absolute, made by nobody here.

    Raises LauncherError `no-such-user` for the home folder (`~name`) of somebody who is not there, `root-not-usable`
    for what can be no folder.
    """
    chosen = root or environ.get("GESSO_ROOT")
    if not chosen:
        return Workspace(kept_root() or checkout() / "workspace")
    expanded = _expanded(chosen)
    if why := unusable(expanded):
        raise LauncherError(
            "root-not-usable",
            t("The folder {folder} cannot be the workspace: {why}.", folder=chosen, why=why),
            t("Choose another folder with --root."),
        )
    return Workspace(Path(os.path.abspath(expanded)))  # noqa: PTH100 - resolve() would follow links


def kept_root() -> Path | None:
    """The folder that the guided install was told to use, if it was told another than `workspace/`."""
    try:
        kept = (checkout() / KEPT_ROOT).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return Path(kept) if Path(kept).is_absolute() and unusable(Path(kept)) is None else None


def written_path(text: str | Path) -> Path:
    """A path that a user wrote, with ~ for a home folder; nothing need be there, and a link stays one.

    LauncherError `no-such-user` for the home folder (`~name`) of somebody who is not there, `bad-path` for what no
    system takes for a path.
    """
    # Every question about such a path ends with a ValueError, that for somebody's home folder too.
    if "\0" in str(text):
        raise LauncherError(
            "bad-path",
            t("{path} is no path: there is a sign in it that no path may have.", path=str(text).replace("\0", "␀")),
            t("Write the path out in full."),
        )
    return _expanded(text)


def _expanded(text: str | Path) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise LauncherError(
            "no-such-user",
            t("The home folder that {folder} means is not known.", folder=text),
            t("Write the folder out in full."),
        ) from error


def unusable(folder: Path, platform: str = sys.platform) -> Text | None:
    """Why nothing can ever be kept in `folder`, which need not be there; None: it can be tried."""
    # a point or space at the end Windows cuts off in silence
    if platform == "win32" and (
        name := next((part for part in folder.parts[1:] if part.endswith((".", " ")) or is_device(part)), None)
    ):
        return t('Windows keeps no name like "{name}"', name=name)
    try:
        return None if stat.S_ISDIR(folder.stat().st_mode) else t("it is a file")
    except FileNotFoundError:
        return t("it is a link that leads nowhere") if folder.is_symlink() else None
    except NotADirectoryError:
        return t("a part of its path is a file")
    # a character that no path may have
    except ValueError:
        return t("no path can be written so")
    except OSError as error:
        return t("the system says: {why}", why=error.strerror or error)


def is_device(name: str) -> bool:
    """Would Windows take a file of this name for a device?"""
    return bool(_DEVICE.fullmatch(name))


def child_environment(workspace: Workspace, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables for a child: caches in the workspace unless the user set them, temporary files always there."""
    child = {name: value for name, value in environ.items() if name not in FOREIGN}
    for name, folder in CACHES.items():
        if not child.get(name):
            child[name] = str(workspace.cache / folder)
    # Temporary files are not the user's choice but the system's: on Windows they would fall on drive C:.
    for name in ("TMPDIR", "TEMP", "TMP"):
        child[name] = str(workspace.cache / "tmp")
    child.update(_proxies(child))
    child.update(SILENT)
    child["PYTHONUTF8"] = "1"
    child["PYTHONNOUSERSITE"] = "1"
    return child


def engine_environment(workspace: Workspace, environ: Mapping[str, str]) -> dict[str, str]:
    """As `child_environment`, for the engine's Python: of the proxies those that httpx understands, because any other
    ends Gradio when it is imported.
    """
    child = child_environment(workspace, environ)
    return {name: value for name, value in child.items() if name.lower() not in PROXIES or is_plain(value)}


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Each proxy as libraries understand it, or "" where none would; loopback and the local network never go through
    one, in both spellings: Gradio asks itself whether its page answers.
    """
    written = {name: value for name, value in environ.items() if name.lower() in PROXIES}
    no_proxy = exported(split(environ.get("no_proxy") or environ.get("NO_PROXY") or ""))
    return {name: _repaired(value) for name, value in written.items()} | dict.fromkeys(
        ("NO_PROXY", "no_proxy"), no_proxy
    )


def _repaired(proxy: str) -> str:
    try:
        return repaired(proxy) if proxy.strip() else ""
    # `gesso proxy show` and the plan say what is wrong with it.
    except LauncherError:
        return ""
