"""`gesso diagnose`: findings for people and for programs, in both languages, and the mend of the first."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.core.paths import Workspace, checkout
from launcher.core.profiles.chosen import keep_chosen

TAKEN = "[Errno 98] error while attempting to bind on address ('127.0.0.1', {port}): address already in use"
MEMORY = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB."


def gesso(root: Path, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "launcher", "--root", str(root), *words]
    ended = subprocess.run(command, cwd=checkout(), input=given, capture_output=True, timeout=120, check=False)
    return subprocess.CompletedProcess(
        command, ended.returncode, ended.stdout.decode("utf-8", "replace"), ended.stderr.decode("utf-8", "replace")
    )


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_findings_have_the_promised_shape(tmp_path: Path):
    log = tmp_path / "日志.log"
    log.write_text(f"start\n{MEMORY}\n", encoding="utf-16")
    answer = gesso(tmp_path / "ws", "diagnose", str(log), "--json")
    assert answer.returncode == 0
    (finding,) = json.loads(answer.stdout)["findings"]
    assert (finding["slug"], finding["severity"], finding["line"]) == ("gpu-oom", "error", 2)
    assert finding["quote"] == MEMORY
    assert finding["fix"]
    assert finding["automatic"] is (finding["mend"] is not None)
    assert not (tmp_path / "ws").exists()


def test_a_piped_log_is_told_in_chinese_and_a_good_one_has_no_findings(tmp_path: Path):
    said = gesso(tmp_path, "--lang", "zh", "diagnose", "-", given=MEMORY.encode()).stdout
    assert "[gpu-oom]" in said
    assert "显存" in said
    assert "第 1 行" in said
    good = gesso(tmp_path, "diagnose", "-", "--json", given=b"Running on local URL:  http://127.0.0.1:7860\n")
    assert json.loads(good.stdout) == {"findings": []}


def test_a_log_that_is_not_there_is_a_named_failure(tmp_path: Path):
    answer = gesso(tmp_path, "diagnose", str(tmp_path / "none.log"), "--json")
    assert answer.returncode == 1
    assert json.loads(answer.stdout)["error"]["code"] == "no-log"


def test_the_mend_of_the_first_finding_is_done_with_what_the_log_told(tmp_path: Path, taken: int):
    (tmp_path / "a.log").write_text(TAKEN.format(port=taken), encoding="utf-8")
    profile = tmp_path / "profiles" / "mine.toml"
    profile.parent.mkdir()
    before = f'title = "mine"\nport = {taken}\n'
    profile.write_text(before, encoding="utf-8")
    keep_chosen(Workspace(tmp_path), "mine")
    told = json.loads(gesso(tmp_path, "diagnose", str(tmp_path / "a.log"), "--fix", "--json").stdout)
    assert [finding["slug"] for finding in told["findings"]] == ["srv-port-in-use"]
    assert [each["mend"] for each in told["mended"]] == ["next-port"], told
    assert profile.read_text(encoding="utf-8") != before
    again = gesso(tmp_path, "doctor", "--undo", str(told["mended"][0]["number"]))
    assert again.returncode == 0, again.stderr
    assert profile.read_text(encoding="utf-8") == before


def test_what_has_no_mend_is_said_and_is_a_failure(tmp_path: Path):
    answer = gesso(tmp_path, "diagnose", "-", "--fix", "--json", given=b"fatal: something odd\n")
    assert answer.returncode == 1
    told = json.loads(answer.stdout)
    assert [finding["slug"] for finding in told["findings"]] == ["unknown"]
    assert told["mended"] == told["left"] == []


def test_what_only_a_log_names_is_not_touched_without_a_person(tmp_path: Path):
    """Anybody may have written a log."""
    git = tmp_path / "clone" / ".git"
    (git / "objects").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    lock = git / "index.lock"
    lock.write_bytes(b"")
    os.utime(lock, (1, 1))
    log = f"fatal: Unable to create '{lock.as_posix()}': File exists.\n"
    told = json.loads(gesso(tmp_path, "diagnose", "-", "--fix", "--yes", "--json", given=log.encode()).stdout)
    assert [finding["mend"] for finding in told["findings"]] == ["git-unlock"]
    assert [each["why"] for each in told["left"]] == ["needs-a-person"], told
    assert told["left"][0]["message"]
    assert lock.is_file()


def test_another_computers_log_is_not_mended_here(tmp_path: Path):
    (tmp_path / "machine.json").write_text("{}", encoding="utf-8")
    answer = gesso(tmp_path, "diagnose", "-", "--fix", "--simulate", str(tmp_path / "machine.json"), given=b"")
    assert answer.returncode == 2
    assert "--simulate" in answer.stderr.decode() if isinstance(answer.stderr, bytes) else answer.stderr
