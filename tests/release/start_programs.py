"""Kills of install.sh and of all that it starts: a Python fetched through uv or out of a pack, venv, pip and uv.

The first two end where launcher/bootstrap.py would begin; all their steps are taken. The others are the whole start of
a fresh copy and of one whose lock file an update has changed.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

from tests.end_to_end.stand_ins import copy_checkout, uv_version, write_launcher_wheels, write_wheel
from tests.launcher.core_act.workshop import sha256
from tests.release.launcher_works import put
from tests.release.programs import Program

REAL_PYTHON = os.path.realpath(sys.executable)
TOOLS = ("sh", "sed", "curl", "unzip", "sha256sum", "cut", "dirname", "uname", "ls", "cat", "head", "tr", "grep",
         "mkdir", "mv", "chmod", "rm", "rmdir", "readlink", "tar", "gzip", "df")  # fmt: skip
#: of the Python that is fetched or unpacked: files enough to be cut off between them
MODULES = 12
#: says with which sentence install.sh has ended
START = """
import json, os, re, subprocess, sys
from pathlib import Path
folder = Path(sys.argv[1])
variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "UV_"))}
variables["HOME"] = str(folder / "home")
# Other hosts are reached through a proxy that nobody is listening at.
variables |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
variables |= dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")
if (folder / "bin").is_dir():
    variables["PATH"] = str(folder / "bin")
if (folder / "variables.json").is_file():
    variables |= json.loads((folder / "variables.json").read_text())
done = subprocess.run(["/bin/sh", str(folder / "gesso/install.sh"), *sys.argv[2:]], env=variables, cwd=folder,
                      capture_output=True, text=True)
if done.returncode == 0:
    print(json.dumps({"said": done.stdout.split()[0]}))
    raise SystemExit(0)
words = (folder / "gesso/launcher/data/first_words.txt").read_text("utf-8").splitlines()
keys = {line.partition(": ")[2]: line.partition(": ")[0] for line in words if line.isascii()}
found = [keys[line] for line in done.stderr.splitlines() if line in keys]
if done.returncode != 1 or not found:
    print(done.returncode, done.stderr[-900:])
    raise SystemExit(4)
print(json.dumps({"code": found[-1]}))
raise SystemExit(3)
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that does not write a line for each request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def served(folder: Path) -> str:
    """`folder` on the loopback, as long as this process lives."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def without_python(folder: Path) -> None:
    """A PATH in which there is none."""
    folder.mkdir(parents=True)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, f"{tool} is not on this computer"
        (folder / tool).symlink_to(found)


def a_python(place: Path, name: str) -> Path:
    """One in uv's layout that is this Python up to the bootstrap; its archive."""
    home = place / name
    lib = home / "lib/python3.12"
    answer = f'#!/bin/sh\ncase $2 in *bootstrap.py) echo handed-over;; *) exec "{REAL_PYTHON}" "$@";; esac\n'
    put(home, "bin/python3.12", answer, 0o755)
    (home / "bin/python3").symlink_to("python3.12")
    for number in range(MODULES):
        put(lib, f"module{number}.py", f"NUMBER = {number}\n" * 500)
    # uv mends the paths in this file of a Python that it unpacks.
    put(lib, "_sysconfigdata__linux_.py",
        "# system configuration generated and used by the sysconfig module\nbuild_time_vars = {}\n")  # fmt: skip
    archive = place / f"{name}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(home, name)
    shutil.rmtree(home)
    return archive


def a_bare_computer(folder: Path) -> None:
    """No Python; an index with uv's wheel, and a place with a Python for uv, both on the loopback."""
    lock = write_launcher_wheels(folder / "links")
    clone = copy_checkout(folder / "gesso", lock)
    put(folder, "gesso/我的/mine.txt", "mine")
    without_python(folder / "bin")
    place = folder.parent / "served"
    pages = place / "simple/uv"
    version = uv_version()
    # Under the name that install.sh pins for this computer, and with its hash there.
    script = (clone / "install.sh").read_text("utf-8")
    tags = re.search(rf"Linux-{os.uname().machine}-(?:glibc|\*)\) wheel=(\S+) hash=(\S+)", script)
    assert tags, "install.sh knows no uv for this computer"
    write_wheel(pages, "uv", version, {f"uv-{version}.data/scripts/uv": uv_script()})
    wheel = (pages / f"uv-{version}-py3-none-any.whl").rename(pages / f"uv-{version}-py3-none-{tags[1]}.whl")
    put(folder, "gesso/install.sh", script.replace(tags[2], sha256(wheel)), 0o755)
    put(pages, "index.html", f'<a href="{wheel.name}">{wheel.name}</a>\n')
    archive, address = a_python(place, "python"), served(place)
    entry = {
        "name": "cpython", "arch": {"family": os.uname().machine, "variant": None}, "os": "linux", "libc": "gnu",
        "major": 3, "minor": 12, "patch": 99, "prerelease": "", "url": f"{address}/{archive.name}", "variant": None,
        "build": "20260101", "sha256": sha256(archive),
    }  # fmt: skip
    listed = put(place, "python.json", json.dumps({f"cpython-3.12.99-linux-{os.uname().machine}-gnu": entry}))
    put(folder, "variables.json", json.dumps(
        {"PIP_INDEX_URL": f"{address}/simple", "UV_PYTHON_DOWNLOADS_JSON_URL": listed.as_uri()}))  # fmt: skip


def uv_script() -> bytes:
    import uv

    return f'#!/bin/sh\nexec "{uv.find_uv_bin()}" "$@"\n'.encode()


def a_bare_computer_with_a_pack(folder: Path) -> None:
    lock = write_launcher_wheels(folder / "links")
    clone = copy_checkout(folder / "gesso", lock)
    put(folder, "gesso/我的/mine.txt", "mine")
    without_python(folder / "bin")
    pack = folder / "pack"
    archive = a_python(pack / "python", "cpython-3.12.99-test")
    put(pack, "python.txt", f"{sys.version_info[0]}.{sys.version_info[1]}\n")
    put(pack, "SHA256SUMS", f"{sha256(archive)}  python/{archive.name}\n")
    put(pack, "pack.json", json.dumps({"launcher_lock_sha256": sha256(clone / "launcher/data/locks/launcher.txt")}))


def a_python_is_there(folder: Path) -> None:
    """All of it: the one that is found by the next start."""
    tools = folder / "gesso/.launcher-tools"
    found = [each for each in (tools / "python").iterdir() if each.is_dir() and not each.is_symlink()
             and not each.name.startswith(".")]  # fmt: skip
    assert len(found) == 1, found
    modules = sorted((found[0] / "lib/python3.12").glob("module*.py"))
    assert [len(each.read_text().splitlines()) for each in modules] == [500] * MODULES
    assert not list(tools.glob("unpacked*"))


def a_copy(folder: Path) -> None:
    """Fresh, with every wheel at hand."""
    lock = write_launcher_wheels(folder / "links")
    copy_checkout(folder / "gesso", lock)
    put(folder, "gesso/我的/mine.txt", "mine")


def an_updated_copy(folder: Path) -> None:
    """It has been started; then its lock file was replaced."""
    a_copy(folder)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    links = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": (folder / "links").as_uri()}
    subprocess.run([folder / "gesso/install.sh"], env={**variables, **links}, cwd=folder, check=True,
                   capture_output=True)  # fmt: skip
    lock = folder / "gesso/launcher/data/locks/launcher.txt"
    entry = write_wheel(folder / "links", "textual", "2.0", {"textual/__init__.py": b""})
    put(lock.parent, lock.name, re.sub(r"textual==1\.0 .*\n.*\n", entry, lock.read_text("utf-8")))


def it_starts(folder: Path) -> None:
    """With the packages of the lock as it is now; there is nothing left to do for the next start."""
    place = folder / "gesso/.launcher"
    wanted = re.findall(r"^(\S+)==(\S+)", (folder / "gesso/launcher/data/locks/launcher.txt").read_text(), re.MULTILINE)
    code = "import importlib.metadata as m, sys; print(*(f'{n}=={m.version(n)}' for n in sys.argv[1:]))"
    done = subprocess.run([place / "bin/python", "-I", "-B", "-c", code, *(name for name, _ in wanted)],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.split() == [f"{name}=={version}" for name, version in wanted]
    assert (place / "bin/gesso").is_file()
    assert not [each.name for each in place.iterdir() if each.name == "stamp.begun" or each.suffix == ".part"]
    digest = hashlib.sha256((folder / "gesso/launcher/data/locks/launcher.txt").read_bytes()).hexdigest()
    assert json.loads((place / "stamp.json").read_text())["made_from"] == digest


THEIRS = ("gesso/我的", "gesso/launcher", "gesso/install.sh", "links", "pack/", "bin/")
OWN = r"^gesso/\.launcher-tools/|^home/|__pycache__|\.pyc$|^gesso/\.launcher/lib/.*\.(dist|egg)-info/"
PROGRAMS = (
    Program("python-fetched", START, a_bare_computer, a_python_is_there, THEIRS, ("--yes",), own=OWN),
    Program("python-packed", START, a_bare_computer_with_a_pack, a_python_is_there, THEIRS,
            ("--yes", "--from", "pack"), own=OWN),
    Program("first-start", START, a_copy, it_starts, THEIRS, ("--yes",), own=OWN, points=28),
    Program("start-updated", START, an_updated_copy, it_starts, THEIRS, ("--yes",), own=OWN, points=28),
)  # fmt: skip
