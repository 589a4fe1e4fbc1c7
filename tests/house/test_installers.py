"""What install.sh, install.ps1, the bootstrap, mirrors.toml and the locks say twice, they say alike."""

from __future__ import annotations

import re
import sys

import pytest
import tree_sitter
import tree_sitter_powershell

from tests.house.tracked import ROOT, texts

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SH, PS1, BOOTSTRAP = (texts()[name] for name in ("install.sh", "install.ps1", "launcher/bootstrap.py"))
LOCK = texts()["launcher/data/locks/launcher.txt"]
WORDS = texts()["launcher/data/first_words.txt"]


def simple_indexes(text: str) -> list[str]:
    return re.findall(r"https://[\w./-]+/simple\b", text)


def test_install_ps1_parses_as_powershell() -> None:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    assert not parser.parse(PS1.encode()).root_node.has_error
    assert parser.parse(PS1.replace("{", "", 1).encode()).root_node.has_error, "the grammar must see a missing brace"


def test_what_windows_powershell_reads_is_ascii() -> None:
    """Windows PowerShell 5.1 reads a script without a mark in the system's old code page."""
    assert PS1.isascii()
    assert texts()["gesso.cmd"].isascii()


def test_the_same_three_mirrors_stand_everywhere() -> None:
    mirrors = simple_indexes(SH)
    assert len(mirrors) == len(set(mirrors)) == 3
    assert simple_indexes(PS1) == mirrors
    assert simple_indexes(BOOTSTRAP) == mirrors
    listed = tomllib.loads(texts()["mirrors.toml"])["packages"]
    assert [entry["url"] for entry in listed if "url" in entry][:3] == mirrors


def test_the_python_mirror_is_the_same() -> None:
    python = re.compile(r"https://[\w./-]+/python-build-standalone")
    assert python.findall(SH) == python.findall(PS1)
    assert python.findall(SH)[0] in texts()["mirrors.toml"]


def test_the_pinned_uv_is_the_locked_one() -> None:
    """Version and every hash: they are taken from the lock, so a new lock without new pins fails here."""
    block = re.search(r"^uv==(\S+) \\\n((?: .*\n)+)", LOCK, re.MULTILINE)
    assert block
    assert re.findall(r"^uv_version=(\S+)", SH, re.MULTILINE) == [block[1]]
    assert re.findall(r"^\$uvVersion = '(\S+)'", PS1, re.MULTILINE) == [block[1]]
    locked = set(re.findall(r"sha256:([0-9a-f]{64})", block[2]))
    pinned_sh, pinned_ps1 = (re.findall(r"\b[0-9a-f]{64}\b", text) for text in (SH, PS1))
    assert len(set(pinned_sh)) == 5
    assert len(set(pinned_ps1)) == 2
    assert {*pinned_sh, *pinned_ps1} <= locked


def test_the_uv_that_builds_gesso_offline_is_the_locked_one() -> None:
    """uv builds with its own backend, and so without a network, only where the wanted version is its own."""
    project = tomllib.loads(texts()["pyproject.toml"])
    (wanted,) = project["build-system"]["requires"]
    version = re.search(r"^uv==(\d+)\.(\d+)", LOCK, re.MULTILINE)
    assert version
    assert wanted == f"uv_build>={version[1]}.{version[2]},<{version[1]}.{int(version[2]) + 1}"


@pytest.mark.parametrize("name", ["launcher", "engine", "dev"])
def test_a_lock_holds_hashes_and_no_address(name: str) -> None:
    text = texts()[f"launcher/data/locks/{name}.txt"]
    entries = re.findall(r"^\S.*\n(?:[ \t].*\n)*", text, re.MULTILINE)
    assert len(entries) > 10
    assert all(re.match(r"[a-z0-9-]+==\S+ ", entry) and "--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


def test_the_engines_lock_leaves_torch_to_the_machine() -> None:
    names = re.findall(r"^([a-z0-9-]+)==", texts()["launcher/data/locks/engine.txt"], re.MULTILINE)
    assert "diffusers" in names
    assert [name for name in names if name == "torch" or name.startswith(("triton", "nvidia"))] == []


def test_the_locks_agree_on_what_they_share() -> None:
    """The test tools run beside the launcher's packages and beside the engine's."""
    entry = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ;)? ?(.*?) ?\\?$", re.MULTILINE)
    locks = [set(entry.findall(texts()[f"launcher/data/locks/{name}.txt"])) for name in ("launcher", "engine", "dev")]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        versions = [{(name, marker): version for name, version, marker in locks[index]} for index in (one, other)]
        assert {key for key in versions[0].keys() & versions[1].keys() if versions[0][key] != versions[1][key]} == set()


def test_every_first_word_is_there_in_both_languages() -> None:
    lines = [line.split(": ", 1) for line in WORDS.splitlines() if line and not line.startswith("#")]
    used = set(re.findall(r"\b(?:say|stop) ([a-z-]+)", SH)) | set(re.findall(r"(?:Say|Stop-With) '([a-z-]+)'", PS1))
    used |= set(re.findall(r'(?:say\(|return |said, |\], |key = |TroubleError\()"([a-z]+(?:-[a-z]+)*)"', BOOTSTRAP))
    assert used == {key for key, _ in lines}
    for key in used:
        chinese, english = (sentence for name, sentence in lines if name == key)
        assert not chinese.isascii()
        assert english.isascii()


@pytest.mark.parametrize("name", ["install.sh", "gesso", ".ci/run"])
def test_the_scripts_can_be_started(name: str) -> None:
    assert texts()[name].startswith("#!/bin/sh\n")
    assert (ROOT / name).stat().st_mode & 0o111
