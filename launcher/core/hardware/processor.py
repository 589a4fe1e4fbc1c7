"""The processor: its name, its cores, and which of its instructions matter for drawing."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

from launcher.core.hardware.inquiry import answer_of
from launcher.core.hardware.machine import Cpu, Os

#: in Linux' spelling; x86 first, then ARM
FEATURES = (
    "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16",
    "amx_tile", "amx_bf16", "amx_int8",
    "asimd", "asimddp", "bf16", "i8mm", "sve", "sve2",
)  # fmt: skip
#: Windows' numbers of them (winnt.h, PF_*); it has none for bfloat16 and AMX
_WINDOWS = {"avx": 39, "avx2": 40, "avx512f": 41, "asimd": 19, "asimddp": 43}
#: macOS' names of them, under hw.optional
_MAC = {
    "avx1_0": "avx", "avx2_0": "avx2", "fma": "fma", "f16c": "f16c", "avx512f": "avx512f",
    "avx512vnni": "avx512_vnni", "avx512bf16": "avx512_bf16",
    "neon": "asimd", "AdvSIMD": "asimd", "arm.FEAT_DotProd": "asimddp", "arm.FEAT_BF16": "bf16",
    "arm.FEAT_I8MM": "i8mm",
}  # fmt: skip
_PATIENCE = 2.0


def processor(system: Os | None) -> Cpu:
    """This computer's."""
    name, features = _told(system)
    return Cpu(name, psutil.cpu_count(logical=False), psutil.cpu_count(), features)


def _told(system: Os | None) -> tuple[str | None, tuple[str, ...] | None]:
    if system == "linux":
        return from_linux(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    if system == "macos":
        return from_mac(answer_of(["sysctl", "machdep.cpu.brand_string", "hw.optional"], _PATIENCE) or "")
    return (_windows_name(), _windows_features()) if system == "windows" else (None, None)


def from_linux(text: str) -> tuple[str | None, tuple[str, ...] | None]:
    """/proc/cpuinfo; ARM's says no name, and "Features" where Intel's and AMD's say "flags"."""
    fields = dict(re.findall(r"^([\w ]+?)\s*:[ \t]*(.*)$", text, re.MULTILINE))
    flags = fields.get("flags") or fields.get("Features")
    return fields.get("model name") or None, _sorted(flags.split()) if flags else None


def from_mac(text: str) -> tuple[str | None, tuple[str, ...] | None]:
    """sysctl's lines, "hw.optional.avx2_0: 1"."""
    fields = dict(re.findall(r"^([\w.]+): (.*)$", text, re.MULTILINE))
    there = [name for key, name in _MAC.items() if fields.get(f"hw.optional.{key}") == "1"]
    return fields.get("machdep.cpu.brand_string") or None, _sorted(there) if fields else None


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    there = set(names)
    return tuple(feature for feature in FEATURES if feature in there)


def _windows_name() -> str | None:
    if sys.platform != "win32":
        return None
    import winreg

    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"HARDWARE\DESCRIPTION\System\CentralProcessor\0") as key:
        return str(winreg.QueryValueEx(key, "ProcessorNameString")[0]).strip()


def _windows_features() -> tuple[str, ...] | None:
    if sys.platform != "win32":
        return None
    asked = ctypes.windll.kernel32.IsProcessorFeaturePresent
    return _sorted(name for name, number in _WINDOWS.items() if asked(number))
