"""The check of the operating system: new enough for Python and PyTorch, with the libraries that both expect of it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.core.doctor.check import Verdict, well, wrong
from launcher.core.doctor.ground import Ground
from launcher.core.pytorch.table import numbers
from launcher.core.text import t

#: PyTorch's wheels for Linux are tagged manylinux_2_28
_GLIBC = "2.28"
#: the first Windows that has api-ms-win-core-path-l1-1-0.dll, which Python asks for since 3.9, is 8; uv asks for 10
_WINDOWS = 10
#: of Microsoft's Visual C++ runtime, which PyTorch's c10.dll asks for
_RUNTIME = ("vcruntime140.dll", "vcruntime140_1.dll", "msvcp140.dll")
_VISUAL_C = "https://aka.ms/vs/17/release/vc_redist.x64.exe"


@dataclass(frozen=True)
class Windows:
    """`lacking` are the files of the Visual C++ runtime that are not there."""

    major: int
    lacking: tuple[str, ...] = ()


def system(ground: Ground) -> Verdict:
    """Asked of the system itself."""
    if sys.platform == "win32":
        return of_windows(Windows(sys.getwindowsversion().major, lacking(ground.here.environ)))
    if sys.platform.startswith("linux"):
        return of_linux(*platform.libc_ver())
    return well(t("{system} {version}", system=platform.system(), version=platform.release()))


def of_linux(library: str, version: str) -> Verdict:
    """The C library and its version, "glibc" and "2.31"; musl says neither."""
    if library != "glibc":
        told = t("This Linux has no glibc (Alpine and its like have musl): PyTorch has no packages for it.")
        return wrong(told, t("Use a Linux with glibc: Debian, Ubuntu, Fedora, Arch … or a container of one."))
    if numbers(version) < numbers(_GLIBC):
        told = t("This Linux has glibc {version}, and PyTorch needs {needed}.", version=version, needed=_GLIBC)
        return wrong(told, t("Update the system: Debian 10, Ubuntu 18.10, RHEL 8 and everything newer has it."))
    return well(t("This Linux has glibc {version}, which is new enough.", version=version))


def of_windows(found: Windows) -> Verdict:
    """Windows 11 calls itself 10 too."""
    if found.major < _WINDOWS:
        told = t(
            "This Windows is older than 10: today's Python does not start on it (api-ms-win-core-path-l1-1-0.dll)."
        )
        return wrong(
            told, t("Update to Windows 10 or 11, or use another computer. A missing DLL from the web is no help.")
        )
    if found.lacking:
        told = t("Microsoft's Visual C++ runtime is missing ({files}): PyTorch would not load (WinError 126, c10.dll).",
                 files=", ".join(found.lacking))  # fmt: skip
        return wrong(told, t("Install it from Microsoft and restart: {address}", address=_VISUAL_C))
    return well(t("Windows is new enough, and the Visual C++ runtime is there."))


def lacking(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The files of the runtime that are not in Windows' own folder."""
    folder = Path(environ.get("SystemRoot") or r"C:\Windows") / "System32"
    return tuple(name for name in _RUNTIME if not os.path.lexists(folder / name))
