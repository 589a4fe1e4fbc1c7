"""A small copy of the checkout whose locks name tiny stand-in packages: the installer's own work, in seconds."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import uv

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("install.sh", "gesso", "pyproject.toml", "README.md", "LICENSE", "mirrors.toml", "profiles", "launcher")
# Stands in for the launcher: it says how it was started.
MAIN = '''"""Stands in for the launcher."""
import json, sys
def main() -> int:
    import psutil, pynvml, requests, textual
    print(json.dumps({"arguments": sys.argv[1:], "prefix": sys.prefix}))
    return 0
if __name__ == "__main__":
    sys.exit(main())
'''
LAUNCHER_PACKAGES = {"nvidia-ml-py": "pynvml", "psutil": "psutil", "requests": "requests", "textual": "textual"}


def write_wheel(folder: Path, name: str, version: str, files: Mapping[str, bytes]) -> str:
    """A valid pure wheel in `folder`; returns its lock entry with the hash."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    wheel = b"Wheel-Version: 1.0\nGenerator: stand-ins\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    everything = {**files, f"{stem}.dist-info/METADATA": about, f"{stem}.dist-info/WHEEL": wheel}
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, content in everything.items():
            info = zipfile.ZipInfo(inside)
            info.external_attr = (0o100755 if "/scripts/" in inside else 0o100644) << 16
            archive.writestr(info, content)
        record = "".join(f"{inside},{record_hash(content)},{len(content)}\n" for inside, content in everything.items())
        archive.writestr(f"{stem}.dist-info/RECORD", record + f"{stem}.dist-info/RECORD,,\n")
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def record_hash(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def write_launcher_wheels(folder: Path) -> str:
    """Stand-ins for the launcher's packages, and a script in place of uv that starts the real one; returns the lock."""
    entries = [
        write_wheel(folder, name, "1.0", {f"{module}/__init__.py": b""}) for name, module in LAUNCHER_PACKAGES.items()
    ]
    version = uv_version()
    script = f'#!/bin/sh\nexec "{uv.find_uv_bin()}" "$@"\n'.encode()
    return "".join([*entries, write_wheel(folder, "uv", version, {f"uv-{version}.data/scripts/uv": script})])


def uv_version() -> str:
    return subprocess.run([uv.find_uv_bin(), "--version"], capture_output=True, text=True, check=True).stdout.split()[1]


def copy_checkout(target: Path, lock: str) -> Path:
    """What the installers need of the checkout, with the stand-ins' lock and a launcher that only answers."""
    leave_out = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=leave_out)
        else:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / "runtime").mkdir()
    # what the launcher has in common with it
    for name in ("__init__.py", "protocol.py", "placement.py", "ledger_file.py"):
        shutil.copy2(ROOT / "runtime" / name, target / "runtime" / name)
    (target / "launcher" / "__main__.py").write_text(MAIN, encoding="utf-8")
    (target / "launcher" / "data" / "locks" / "launcher.txt").write_text(lock, encoding="utf-8")
    return target


def closed_environment(wheels: Path, **more: str) -> dict[str, str]:
    """The variables of a computer whose only package source is a folder: nothing of the user's pip or uv is left."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "GESSO_"))}
    # Any other host is reached through a proxy that nobody is listening at: a slip fails at once.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    local = dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")
    pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_RETRIES": "0"}
    return kept | nowhere | local | pip | more


def start(command: list[str], environment: dict[str, str], cwd: Path) -> subprocess.Popen[str]:
    """In a group of its own, so that a kill takes everything that it has started."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True,
        start_new_session=True,
    )  # fmt: skip


def kill_group(child: subprocess.Popen[str]) -> bool:
    """SIGKILL to the child and all that it started; once it is gone, whether that is what ended the child."""
    assert sys.platform != "win32"
    # macOS refuses a group whose only member has ended.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    return child.returncode == -signal.SIGKILL
