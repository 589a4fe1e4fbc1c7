"""install.sh and the bootstrap: from any folder, twice, two at once, without a network, without a Python."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import bootstrap
from tests.end_to_end.stand_ins import ROOT, closed_environment, copy_checkout, start, uv_version, write_launcher_wheels

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="install.sh is for Linux and macOS")
PREPARING = "Preparing the launcher"
TOOLS = ("sh", "sed", "curl", "unzip", "sha256sum", "cut", "dirname", "uname", "ls", "cat", "head", "tr", "grep")
REAL_PYTHON = os.path.realpath(sys.executable)
MORE_TOOLS = ("mkdir", "mv", "chmod", "rm", "rmdir", "readlink", "df")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder of stand-in wheels and the lock that names them."""
    folder = tmp_path_factory.mktemp("wheels")
    return folder, write_launcher_wheels(folder)


@pytest.fixture
def clone(tmp_path: Path, wheels: tuple[Path, str]) -> Path:
    """A fresh clone at a path with a space, Chinese and a quote."""
    return copy_checkout(tmp_path / "my 画室's gesso", wheels[1])


def run(clone: Path, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Starts a script of the clone from another folder, with the variables of `closed_environment`."""
    command = [str(clone / script), *arguments]
    return subprocess.run(command, env=environment, cwd=clone.parent, capture_output=True, text=True, timeout=600)


def test_a_fresh_clone_reaches_the_launcher_and_the_second_run_is_quick(
    clone: Path, wheels: tuple[Path, str], tmp_path: Path
) -> None:
    environment = closed_environment(wheels[0])
    first = run(clone, "install.sh", "--yes", "--root", "a b", **environment)
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["arguments"] == ["--from-install", "--yes", "--root", "a b"]
    assert Path(json.loads(first.stdout)["prefix"]) == clone / ".launcher"
    assert PREPARING in first.stderr
    assert "正在准备启动器" in first.stderr
    started = time.monotonic()
    second = run(clone, "install.sh", **environment)
    assert second.stderr == ""
    assert json.loads(second.stdout)["arguments"] == ["--from-install"]
    assert time.monotonic() - started < 3
    link = tmp_path / "gesso"
    link.symlink_to(clone / "gesso")
    linked = subprocess.run([link, "status", "--json"], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(linked.stdout)["arguments"] == ["status", "--json"]
    own = subprocess.run([clone / ".launcher/bin/gesso", "plan"], capture_output=True, text=True, check=True)
    assert json.loads(own.stdout)["arguments"] == ["plan"]
    assert not list(clone.parent.glob("*.egg-info"))

    with (clone / "launcher" / "data" / "locks" / "launcher.txt").open("a") as lock:
        lock.write("\n")
    changed = run(clone, "install.sh", **environment)
    assert PREPARING in changed.stderr, "another lock makes the environment anew"
    assert json.loads(changed.stdout)["arguments"] == ["--from-install"]

    moved = clone.rename(clone.with_name("moved"))
    after = run(moved, "install.sh", **environment)
    assert PREPARING in after.stderr, "an environment cannot move, so it is made anew"
    assert Path(json.loads(after.stdout)["prefix"]) == moved / ".launcher"


def test_the_environment_may_be_a_link_to_another_disk(clone: Path, wheels: tuple[Path, str], tmp_path: Path) -> None:
    elsewhere = tmp_path / "another disk" / "launcher"
    (elsewhere / "lib").mkdir(parents=True)
    (elsewhere / "lib" / "of an older one").touch()
    (elsewhere / "pyvenv.cfg").touch()
    (clone / ".launcher").symlink_to(elsewhere)
    environment = closed_environment(wheels[0])
    made = run(clone, "install.sh", **environment)
    assert made.returncode == 0, made.stderr
    assert Path(json.loads(made.stdout)["prefix"]).resolve() == elsewhere
    assert (clone / ".launcher").is_symlink()
    assert not (elsewhere / "lib" / "of an older one").exists()
    assert run(clone, "install.sh", **environment).stderr == ""


def test_a_launcher_folder_that_is_not_ours_is_left_alone(
    clone: Path, wheels: tuple[Path, str], tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "wedding.jpg").touch()
    (clone / ".launcher").symlink_to(tmp_path / "photos")
    failed = run(clone, "install.sh", **closed_environment(wheels[0]))
    assert failed.returncode == 1
    assert "was not made by Gesso" in failed.stderr
    assert "不是由 Gesso 创建的" in failed.stderr
    assert [each.name for each in (tmp_path / "photos").iterdir()] == ["wedding.jpg"]


def test_files_of_the_user_whose_names_begin_as_ours_do_are_left_alone(clone: Path, wheels: tuple[Path, str]) -> None:
    (clone / ".launcher").mkdir()
    (clone / ".launcher" / "stamps-of-grandpa.doc").touch()
    failed = run(clone, "install.sh", **closed_environment(wheels[0]))
    assert (failed.returncode, "was not made by Gesso" in failed.stderr) == (1, True)
    assert [each.name for each in (clone / ".launcher").iterdir()] == ["stamps-of-grandpa.doc"]


@pytest.mark.parametrize("name", [".launcher", ".launcher-tools"])
def test_a_file_where_a_folder_should_be_is_said_as_that(clone: Path, wheels: tuple[Path, str], name: str) -> None:
    (clone / name).write_text("mine")
    failed = run(clone, "install.sh", **closed_environment(wheels[0]))
    assert (failed.returncode, "was not made by Gesso" in failed.stderr) == (1, True), failed.stderr
    assert (clone / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["gesso [1]", "整合包[新]", "v1#2", "100%20", "a; b"])
def test_a_folder_may_have_a_name_that_reads_like_a_requirement(
    tmp_path: Path, wheels: tuple[Path, str], name: str
) -> None:
    clone = copy_checkout(tmp_path / name, wheels[1])
    made = run(clone, "install.sh", **closed_environment(wheels[0]))
    assert made.returncode == 0, made.stderr
    assert Path(json.loads(made.stdout)["prefix"]) == clone / ".launcher"


@pytest.mark.parametrize("lost", ["bin/uv", "lib", "pyvenv.cfg", "bin/python"])
def test_what_the_launcher_has_lost_is_put_back_by_the_next_run(
    clone: Path, wheels: tuple[Path, str], lost: str
) -> None:
    environment = closed_environment(wheels[0])
    assert run(clone, "install.sh", **environment).returncode == 0
    place = clone / ".launcher" / lost
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    again = run(clone, "install.sh", **environment)
    assert again.returncode == 0, again.stderr
    assert PREPARING in again.stderr
    assert place.exists()
    assert run(clone, "install.sh", **environment).stderr == ""


def test_pips_settings_that_mean_another_python_do_not_count(
    clone: Path, wheels: tuple[Path, str], tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    subprocess.run([sys.executable, "-m", "venv", str(theirs)], check=True)
    before = sorted(theirs.rglob("*"))
    bent = {"PIP_PYTHON": str(theirs), "PIP_DRY_RUN": "1", "PIP_PLATFORM": "win32", "PIP_REQUIREMENT": "/nowhere"}
    made = run(clone, "install.sh", **closed_environment(wheels[0], **bent))
    assert made.returncode == 0, made.stderr
    assert sorted(theirs.rglob("*")) == before


def test_two_at_once_make_one_environment(clone: Path, wheels: tuple[Path, str]) -> None:
    environment = closed_environment(wheels[0])
    children = [start([str(clone / "install.sh")], environment, clone) for _ in range(2)]
    answers = [child.communicate(timeout=600) for child in children]
    assert [child.returncode for child in children] == [0, 0], answers
    assert sum(PREPARING in errors for _, errors in answers) == 1
    assert all(json.loads(output)["arguments"] == ["--from-install"] for output, _ in answers)


def test_without_a_network_one_sentence_says_what_to_do_and_the_next_run_goes_on(
    clone: Path, wheels: tuple[Path, str], tmp_path: Path
) -> None:
    # No PIP_NO_INDEX: the default index and the three mirrors are asked, all through a proxy that is not there.
    offline = closed_environment(tmp_path / "nothing")
    del offline["PIP_NO_INDEX"]
    failed = run(clone, "install.sh", **offline)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "The launcher's packages could not be fetched." in failed.stderr
    assert "启动器的软件包下载失败" in failed.stderr
    assert failed.stderr.count("The default package index did not serve") == 3
    assert "Traceback" not in failed.stderr
    assert not (clone / ".launcher" / "stamp.json").exists()
    again = run(clone, "install.sh", **closed_environment(wheels[0]))
    assert again.returncode == 0, again.stderr


def test_a_package_with_other_bytes_is_refused(clone: Path, wheels: tuple[Path, str], tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(wheels[0], other)
    with (other / "textual-1.0-py3-none-any.whl").open("ab") as wheel:
        wheel.write(b"\0")
    refused = run(clone, "install.sh", **closed_environment(other))
    assert refused.returncode == 1
    assert "could not be fetched" in refused.stderr
    assert not (clone / ".launcher" / "stamp.json").exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(clone: Path, wheels: tuple[Path, str]) -> None:
    clone.chmod(0o555)
    try:
        refused = run(clone, "install.sh", **closed_environment(wheels[0]))
    finally:
        clone.chmod(0o755)
    assert refused.returncode == 1
    assert "cannot be written" in refused.stderr


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH without any Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in (*TOOLS, *MORE_TOOLS):
        found = shutil.which(tool)
        if not found:
            pytest.skip(f"{tool} is not on this machine")
        (folder / tool).symlink_to(found)
    return str(folder)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A package index of our own on the loopback: its address and its folder."""
    folder = tmp_path / "index"
    (folder / "simple" / "uv").mkdir(parents=True)
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that does not write a line for each request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def uvs_own_wheel() -> Path:
    """The very wheel that install.sh pins, from the user's index; kept in build/."""
    folder = ROOT / "build" / "test-wheels"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--dest",
        str(folder),
    ]
    found = list(folder.glob(f"uv-{uv_version()}-*.whl"))
    if not found:
        subprocess.run([*command, f"uv=={uv_version()}"], check=True, cwd=ROOT)
        found = list(folder.glob(f"uv-{uv_version()}-*.whl"))
    return found[0]


def offer_python(folder: Path, address: str) -> str:
    """An archive in uv's layout whose python3.12 is this machine's Python, up to the bootstrap; its list's address."""
    home = folder / "python"
    (home / "bin").mkdir(parents=True)
    (home / "lib" / "python3.12").mkdir(parents=True)
    answer = (
        f'#!/bin/sh\ncase $2 in *bootstrap.py) shift 2; echo "handed over: $@";; *) exec "{REAL_PYTHON}" "$@";; esac\n'
    )
    (home / "bin" / "python3.12").write_text(answer)
    (home / "bin" / "python3.12").chmod(0o755)
    (home / "bin" / "python3").symlink_to("python3.12")
    # uv mends the paths in this file of a Python that it unpacks.
    (home / "lib" / "python3.12" / "_sysconfigdata__linux_.py").write_text(
        "# system configuration generated and used by the sysconfig module\nbuild_time_vars = {}\n"
    )
    archive = folder / "python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(home, "python")
    machine = {"family": os.uname().machine, "variant": None}
    entry = {
        "name": "cpython", "arch": machine, "os": "linux", "libc": "gnu", "major": 3, "minor": 12, "patch": 99,
        "prerelease": "", "url": f"{address}/python.tar.gz", "variant": None, "build": "20260101",
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
    }  # fmt: skip
    listed = folder / "python.json"
    listed.write_text(json.dumps({f"cpython-3.12.99-linux-{os.uname().machine}-gnu": entry}), encoding="utf-8")
    return listed.as_uri()


@pytest.mark.skipif(sys.platform != "linux", reason="the offered Python is laid out for Linux")
@pytest.mark.parametrize("layout", ["{file}", "../../files/{file}", "{address}/files/{file}", "/files/{file}"])
def test_without_any_python_uv_is_taken_from_the_users_index_and_fetches_one(
    clone: Path, wheels: tuple[Path, str], bare_path: str, index: tuple[str, Path], layout: str
) -> None:
    address, folder = index
    wheel = uvs_own_wheel()
    (folder / "files").mkdir()
    target = folder / ("simple/uv" if layout == "{file}" else "files") / wheel.name
    target.symlink_to(wheel)
    link = layout.format(file=wheel.name, address=address)
    (folder / "simple" / "uv" / "index.html").write_text(
        f'<!DOCTYPE html><a href="{link}#sha256=0">{wheel.name}</a><br>\n'
    )
    environment = closed_environment(wheels[0], PATH=bare_path)
    # A service or a container may start it without a home.
    environment.pop("HOME", None)
    environment |= {"PIP_INDEX_URL": f"{address}/simple/"}
    environment |= {"UV_PYTHON_DOWNLOADS_JSON_URL": offer_python(folder, address)}
    done = run(clone, "install.sh", "--yes", **environment)
    assert done.returncode == 0, done.stderr
    assert "No usable Python 3.10 or newer was found" in done.stderr
    assert "没有找到可用的 Python" in done.stderr
    assert done.stdout == "handed over: --yes\n"
    second = run(clone, "install.sh", **environment)
    assert (second.stdout, second.stderr) == ("handed over: \n", ""), "the fetched Python is found again"


def test_where_there_is_no_room_that_is_said_and_not_what_failed_for_it(
    clone: Path, wheels: tuple[Path, str], bare_path: str
) -> None:
    """No mirror is reached either: what was fetched found no place."""
    (Path(bare_path) / "df").unlink()
    (Path(bare_path) / "df").write_text(
        '#!/bin/sh\nprintf "%s\\n" "Filesystem" "/dev/a b 900000 592801 307199 66% /5% x"\n'
    )
    (Path(bare_path) / "df").chmod(0o755)
    environment = closed_environment(wheels[0], PATH=bare_path, HOME=str(clone.parent))
    refused = run(clone, "install.sh", **environment)
    assert refused.returncode == 1
    assert "The disk is full." in refused.stderr
    assert "磁盘空间不足" in refused.stderr
    assert "No package mirror answers." not in refused.stderr
    df = (Path(bare_path) / "df").read_text().replace("307199", "307200")
    (Path(bare_path) / "df").write_text(df)
    assert "No package mirror answers." in run(clone, "install.sh", **environment).stderr


def test_a_tool_that_does_not_say_that_the_disk_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """venv hides what its pip says."""
    said = "Error: Command '[…ensurepip…]' returned non-zero exit status 1."
    assert bootstrap.trouble_in(said, "no-venv") == "no-venv"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, bootstrap.ROOM - 1))
    assert bootstrap.trouble_in(said, "no-venv") == "disk-full"
    assert bootstrap.trouble_in("Permission denied", "no-venv") == "not-writable"


@pytest.mark.parametrize(
    ("said", "asked", "key"),
    [("HTTP error 403", 1 + len(bootstrap.MIRRORS), "disk-full"),
     ("OSError: [Errno 28] No space left on device", 1, "disk-full"),
     ("OSError: [Errno 13] Permission denied", 1, "not-writable")],
)  # fmt: skip
def test_little_room_does_not_keep_the_mirrors_from_being_asked(
    monkeypatch: pytest.MonkeyPatch, said: str, asked: int, key: str
) -> None:
    """They may serve all the same: only what pip itself says of the disk ends the search."""
    runs: list[list[str]] = []

    def fails(command: list[str]) -> tuple[int, str]:
        runs.append(command)
        return 1, said

    monkeypatch.setattr(bootstrap, "run", fails)
    monkeypatch.setattr(bootstrap, "has_room", lambda: False)
    monkeypatch.setattr(sys, "argv", ["bootstrap.py"])
    with pytest.raises(bootstrap.TroubleError, match=key):
        bootstrap.install_lock("launcher")
    assert len(runs) == asked


@pytest.mark.skipif(sys.platform != "linux", reason="the wheel's name is Linux's")
def test_a_uv_with_other_bytes_is_refused(
    clone: Path, wheels: tuple[Path, str], bare_path: str, index: tuple[str, Path]
) -> None:
    address, folder = index
    name = uvs_own_wheel().name
    (folder / "simple" / "uv" / name).write_bytes(b"something else")
    (folder / "simple" / "uv" / "index.html").write_text(f'<a href="{name}">{name}</a>')
    configured = clone.parent / ".config" / "pip" / "pip.conf"
    configured.parent.mkdir(parents=True)
    configured.write_text(f"[global]\nindex-url = {address}/simple\n")
    environment = closed_environment(wheels[0], PATH=bare_path, HOME=str(clone.parent))
    refused = run(clone, "install.sh", "--yes", **environment)
    assert refused.returncode == 1
    assert "No package mirror answers." in refused.stderr
    assert "连不上任何软件包镜像" in refused.stderr
    assert refused.stdout == ""
    assert not list((clone / ".launcher-tools").glob("*.whl"))
