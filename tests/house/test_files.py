"""What may not stand in any file, and how long a file may be."""

from __future__ import annotations

import re

import pytest

from tests.house.tracked import ROOT, texts

CODE = {name: text for name, text in texts().items() if name.endswith((".py", ".sh", ".ps1", ".cmd"))}
THIS = "tests/house/test_files.py"
# Written apart, so that this file does not hold what it looks for.
REGISTRIES = ("pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js.org", "deb." + "debian.org")
MACHINE_PATHS = re.compile(r"(?<![\w.~$}])/(work|opt/pypi|opt/wheels|root|home/\w+|tmp/(devenv|trainenv))\b(?!\.)")


def test_there_are_files_to_look_at() -> None:
    assert {"launcher/bootstrap.py", "install.sh", "README.md"} <= texts().keys()


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_a_registry(host: str) -> None:
    assert [name for name, text in texts().items() if host in text] == []


def test_no_file_names_a_place_on_one_persons_machine() -> None:
    found = {name: match.group() for name, text in texts().items() if (match := MACHINE_PATHS.search(text))}
    found.pop(THIS, None)
    assert found == {}


@pytest.mark.parametrize("forbidden", ["shell=" + "True", "weights_only=" + "False", "verify=" + "False"])
def test_no_code_turns_a_safeguard_off(forbidden: str) -> None:
    spaced = re.compile(forbidden.replace("=", r"\s*=\s*"))
    assert [name for name, text in CODE.items() if spaced.search(text)] == []


def test_no_source_file_is_long() -> None:
    # carried to a machine with a graphics card as one file
    lengths = {name: text.count("\n") for name, text in CODE.items() if name != "benchmarks/gpu.py"}
    assert {name: length for name, length in lengths.items() if length >= 400} == {}


def test_the_installers_stay_readable_in_a_minute() -> None:
    assert CODE["install.sh"].count("\n") < 80
    assert CODE["install.ps1"].count("\n") < 80
    assert CODE["gesso.cmd"].count("\n") == 3


def test_every_module_says_what_it_is() -> None:
    """Also where ruff does not ask: in the tests."""
    modules = {name: text for name, text in CODE.items() if name.endswith(".py") and text.strip()}
    assert [name for name, text in modules.items() if not text.lstrip().startswith(('"""', "#!"))] == []


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_the_readme_shows_the_two_commands(readme: str) -> None:
    text = texts()[readme]
    assert "./install.sh" in text
    assert "gesso.cmd" in text or "install.ps1" in text


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_every_file_that_the_readme_links_to_exists(readme: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"", texts()[readme])
    local = [one or other for one, other in links if "://" not in (one or other)]
    assert [link for link in local if not (ROOT / link).exists()] == []
