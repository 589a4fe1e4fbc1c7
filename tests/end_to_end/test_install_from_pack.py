"""install.sh --from: the launcher's environment comes from a pack, and no network is touched."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from launcher.core.pack.manifest import FORMAT, Pack, write_description, write_sums
from tests.end_to_end.stand_ins import closed_environment, copy_checkout, write_launcher_wheels
from tests.launcher.core_act.workshop import sha256

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="install.sh is for Linux and macOS")
TOOLS = ("sh", "sed", "sha256sum", "cut", "dirname", "ls", "cat", "head", "tr", "grep", "mkdir", "tar", "gzip", "uname",
         "rm", "rmdir", "mv", "df")  # fmt: skip
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone and, beside it, a pack of the stand-ins; the wheels lie nowhere else."""
    lock = write_launcher_wheels(tmp_path / "离线 pack" / "wheels")
    clone = copy_checkout(tmp_path / "my gesso", lock)
    pack_up(tmp_path / "离线 pack", clone)
    return clone


def pack_up(pack: Path, clone: Path, python: str = PYTHON) -> None:
    lock = sha256(clone / "launcher/data/locks/launcher.txt")
    write_description(pack, Pack(FORMAT, "linux", "x86_64", python, "2.13.0", "0" * 64, lock, False, "2026-11-21"))
    (pack / "SHA256SUMS").unlink(missing_ok=True)
    names = [path.relative_to(pack).as_posix() for path in pack.rglob("*") if path.is_file()]
    list(write_sums(pack, names, {}))


def run(clone: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """From another folder; the only configured source is an empty folder, any other host a closed port."""
    (clone.parent / "empty").mkdir(exist_ok=True)
    environment = closed_environment(clone.parent / "empty", **more)
    command = [str(clone / "install.sh"), *words]
    return subprocess.run(command, env=environment, cwd=clone.parent, capture_output=True, text=True, timeout=300)


def test_the_launcher_comes_from_the_pack_and_hears_of_it(clone: Path) -> None:
    words = ("--from", "离线 pack")
    done = run(clone, "--yes", *words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["arguments"] == ["--from-install", "--yes", *words]
    assert "mirror" not in done.stderr
    assert run(clone, "--yes", *words).stderr == "", "the second run has it already"


@pytest.mark.parametrize(
    ("fault", "said"),
    [("gone", "no finished pack"), ("unfinished", "no finished pack"), ("other", "another version of Gesso"),
     ("damaged", "lacks packages")],
)  # fmt: skip
def test_what_is_wrong_with_a_pack_is_said_in_both_languages(clone: Path, fault: str, said: str) -> None:
    pack = clone.parent / "离线 pack"
    if fault == "gone":
        shutil.rmtree(pack)
    elif fault == "unfinished":
        (pack / "SHA256SUMS").unlink()
    elif fault == "other":
        with (clone / "launcher/data/locks/launcher.txt").open("a") as file:
            file.write("\n")
    else:
        (wheel,) = (pack / "wheels").glob("psutil-*")
        wheel.write_bytes(b"?")
    done = run(clone, "--yes", "--from", str(pack))
    assert done.returncode == 1
    assert said in done.stderr
    assert "离线包" in done.stderr
    assert done.stdout == ""


def without_python(folder: Path) -> str:
    """A PATH without any Python."""
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if not found:
            pytest.skip(f"{tool} is not on this machine")
        (folder / tool).symlink_to(found)
    return str(folder)


def test_the_packs_own_python_is_unpacked_where_there_is_none_and_only_if_it_is_whole(
    clone: Path, tmp_path: Path
) -> None:
    """A script that starts this Python stands for it."""
    pack, path = clone.parent / "离线 pack", without_python(tmp_path / "bin")
    nothing = run(clone, "--yes", "--from", str(pack), PATH=path)
    assert "python.txt" in nothing.stderr
    home = tmp_path / f"cpython-{PYTHON}.0-test"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python3").write_text(f'#!/bin/sh\nexec "{os.path.realpath(sys.executable)}" "$@"\n')
    (home / "bin" / "python3").chmod(0o755)
    (pack / "python").mkdir()
    with tarfile.open(pack / "python" / f"{home.name}.tar.gz", "w:gz") as archive:
        archive.add(home, home.name)
    unlisted = run(clone, "--yes", "--from", str(pack), PATH=path)
    assert "damaged" in unlisted.stderr
    assert not (clone / ".launcher-tools" / "python").exists()
    pack_up(pack, clone)
    done = run(clone, "--yes", f"--from={pack}", PATH=path)
    assert done.returncode == 0, done.stderr
    assert (clone / ".launcher-tools" / "python" / home.name / "bin" / "python3").exists()


def test_a_python_that_was_unpacked_by_half_is_unpacked_anew(clone: Path, tmp_path: Path) -> None:
    """What was cut off may start all the same, and would be taken for a Python by every later run."""
    pack, path = clone.parent / "离线 pack", Path(without_python(tmp_path / "bin"))
    home = tmp_path / f"cpython-{PYTHON}.0-test"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python3").write_text(f'#!/bin/sh\nexec "{os.path.realpath(sys.executable)}" "$@"\n')
    (home / "bin" / "python3").chmod(0o755)
    (home / "lib").write_text("the rest")
    (pack / "python").mkdir()
    with tarfile.open(pack / "python" / f"{home.name}.tar.gz", "w:gz") as archive:
        archive.add(home, home.name)
    pack_up(pack, clone)
    real = (path / "tar").rename(path / "real-tar")
    (path / "tar").write_text(f'#!/bin/sh\n"{real}" "$@" --exclude lib\nkill -9 $PPID\n')
    (path / "tar").chmod(0o755)
    assert run(clone, "--yes", f"--from={pack}", PATH=str(path)).returncode == -9
    real.rename(path / "tar")
    done = run(clone, "--yes", f"--from={pack}", PATH=str(path))
    assert done.returncode == 0, done.stderr
    assert (clone / ".launcher-tools" / "python" / home.name / "lib").read_text() == "the rest"
    assert not list((clone / ".launcher-tools").glob("unpacked*"))


def test_two_starts_at_once_unpack_the_packs_python_beside_each_other(clone: Path, tmp_path: Path) -> None:
    """The second begins and ends while the first is at its unpacking."""
    pack, path = clone.parent / "离线 pack", Path(without_python(tmp_path / "bin"))
    home = tmp_path / f"cpython-{PYTHON}.0-test"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python3").write_text(f'#!/bin/sh\nexec "{os.path.realpath(sys.executable)}" "$@"\n')
    (home / "bin" / "python3").chmod(0o755)
    (pack / "python").mkdir()
    with tarfile.open(pack / "python" / f"{home.name}.tar.gz", "w:gz") as archive:
        archive.add(home, home.name)
    pack_up(pack, clone)
    real, first = (path / "tar").rename(path / "real-tar"), tmp_path / "first"
    again = shlex.join([str(clone / "install.sh"), "--yes", f"--from={pack}"])
    (path / "tar").write_text(f'#!/bin/sh\nmkdir "{first}" 2>/dev/null && {again} >"{first}/said"\n"{real}" "$@"\n')
    (path / "tar").chmod(0o755)
    done = run(clone, "--yes", f"--from={pack}", PATH=str(path))
    assert done.returncode == 0, done.stderr
    assert "--from-install" in (first / "said").read_text()
    assert [each.name for each in (clone / ".launcher-tools" / "python").iterdir()] == [home.name]
    assert [each.name for each in (clone / ".launcher-tools/python" / home.name).iterdir()] == ["bin"]
    assert not list((clone / ".launcher-tools").glob("unpacked*"))


def test_a_python_of_another_version_than_the_packs_does_not_serve(clone: Path) -> None:
    pack = clone.parent / "离线 pack"
    pack_up(pack, clone, python="3.99")
    done = run(clone, "--yes", "--from", str(pack))
    assert done.returncode == 1
    assert "python.txt" in done.stderr
