"""Our reading of pip's configuration against the real pip's, and what uv is told."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from launcher.core.errors import LauncherError
from launcher.core.packages.pip_settings import PipSettings, configuration_files, read_pip_settings

#: asks pip itself, for each computer described on standard input, what `pip install` would use
ORACLE = """
import json, os, sys
from pip._internal.commands import create_command
answers = []
for case in json.load(sys.stdin):
    os.environ.clear(); os.environ.update(case["environ"]); sys.prefix = case["prefix"]
    options, _ = create_command("install").parse_args([])
    names = "index_url extra_index_urls find_links no_index proxy cert client_cert trusted_hosts timeout".split()
    answers.append({name: getattr(options, name) for name in names})
json.dump(answers, sys.stdout)
"""
VALUES = {
    "index-url": ["https://one.example/simple", "https://u:p@two.example/simple"],
    "extra-index-url": ["https://a.example/simple", "file:///x/simple\n    https://b.example/simple", "file:///y"],
    "find-links": ["/wheels", "/wheels\n  https://c.example/page.html", "relative/folder"],
    "no-index": ["true", "no", "1", "off", "Yes"],
    "proxy": ["http://proxy.example:3128", "user:pw@proxy.example:8080"],
    "cert": ["/etc/own.pem", "~/own.pem"],
    "client-cert": ["/etc/client.pem"],
    "trusted-host": ["a.example", "a.example b.example:8443"],
    "timeout": ["15", "60.5"],
    "default-timeout": ["99"],
    "retries": ["3"],
}


def a_pip() -> str:
    """An interpreter that has pip: a virtual environment made by uv has none, its base has."""
    candidates: list[str | None] = [
        sys.executable,
        getattr(sys, "_base_executable", None),
        shutil.which("python3"),
        shutil.which("python"),
    ]
    for python in filter(None, candidates):
        if subprocess.run([python, "-c", "import pip"], capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip("no interpreter with pip on this computer")


def spelled(chance: random.Random, key: str) -> str:
    return chance.choice([key, key.replace("-", "_"), key.upper(), f"--{key}"])


def configuration(chance: random.Random) -> str:
    lines = []
    for section in chance.sample(["global", "install", "download", "list"], k=chance.randint(0, 3)):
        lines.append(f"[{section}]")
        for key in chance.sample(sorted(VALUES), k=chance.randint(0, 5)):
            value = chance.choice([*VALUES[key], ""])
            lines.append(f"{spelled(chance, key)} = {value}")
    return "\n".join(lines) + "\n"


def computer(folder: Path, chance: random.Random) -> dict[str, Any]:
    """A home, system folders and an interpreter's prefix, each with or without a configuration of its own."""
    home, named = folder / "home", folder / "named.conf"
    environ = {"HOME": str(home), "XDG_CONFIG_DIRS": f"{folder}/xdg1:{folder}/xdg2"}
    places = [home / ".config/pip", home / ".pip", folder / "xdg1/pip", folder / "xdg2/pip", folder / "prefix"]
    if chance.random() < 0.3:
        environ["XDG_CONFIG_HOME"] = str(folder / "config-home")
        places.append(folder / "config-home/pip")
    for place in places:
        place.mkdir(parents=True)
        if chance.random() < 0.5:
            (place / "pip.conf").write_text(configuration(chance))
    if chance.random() < 0.4:
        environ["PIP_CONFIG_FILE"] = chance.choice([str(named), os.devnull, str(folder / "missing.conf")])
        named.write_text(configuration(chance))
    for key in chance.sample(sorted(VALUES), k=chance.randint(0, 3)):
        environ["PIP_" + key.upper().replace("-", "_")] = chance.choice([*VALUES[key], ""]).replace("\n", " ")
    return {"environ": environ, "prefix": str(folder / "prefix")}


def test_two_hundred_computers_read_as_pip_reads_them(tmp_path: Path) -> None:
    chance = random.Random(20261120)
    computers = [computer(tmp_path / str(number), chance) for number in range(200)]
    nothing = {"environ": {"HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}, "prefix": str(tmp_path)}
    asked = subprocess.run(
        [a_pip(), "-c", ORACLE], input=json.dumps([nothing, *computers]), capture_output=True, text=True, check=True
    )
    default, *answers = json.loads(asked.stdout)
    for case, answer in zip(computers, answers, strict=True):
        ours = read_pip_settings(case["environ"], platform="linux", prefix=case["prefix"])
        assert {
            "index_url": ours.index_url or default["index_url"],
            "extra_index_urls": list(ours.extra_index_urls),
            "find_links": list(ours.find_links),
            "no_index": ours.no_index,
            "proxy": ours.proxy or default["proxy"],
            "cert": ours.cert,
            "client_cert": ours.client_cert,
            "trusted_hosts": list(ours.trusted_hosts),
            "timeout": ours.timeout or default["timeout"],
        } == {**answer, "no_index": bool(answer["no_index"])}, case


def test_where_the_files_lie_on_other_systems(tmp_path: Path) -> None:
    environ = {"PROGRAMDATA": "D:/ProgramData", "APPDATA": "D:/Roaming", "USERPROFILE": "D:/Me", "HOME": str(tmp_path)}
    windows = list(configuration_files(environ, "win32", "D:/Python"))
    assert windows == [
        Path("D:/ProgramData/pip/pip.ini"),
        Path("D:/Me/pip/pip.ini"),
        Path("D:/Roaming/pip/pip.ini"),
        Path("D:/Python/pip.ini"),
    ]
    mac = list(configuration_files(environ, "darwin", "/py"))
    assert mac[0] == Path("/Library/Application Support/pip/pip.conf")
    assert mac[2] == tmp_path / ".config/pip/pip.conf"
    (tmp_path / "Library/Application Support/pip").mkdir(parents=True)
    assert list(configuration_files(environ, "darwin", "/py"))[2].parent == tmp_path / "Library/Application Support/pip"


def read(tmp_path: Path, data: bytes, **environ: str) -> PipSettings:
    file = tmp_path / "pip.conf"
    file.write_bytes(data)
    return read_pip_settings({"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(file), **environ}, prefix=str(tmp_path))


def test_a_file_saved_by_notepad(tmp_path: Path) -> None:
    data = "\ufeff[global]\r\nfind-links = D:\\轮子\r\n".encode()
    assert read(tmp_path, data).find_links == ("D:\\轮子",)


@pytest.mark.parametrize(
    "data", [b"index-url = x\n", b"[global]\nno-index = maybe\n", b"[global]\ntimeout = long\n", b"[global\n"]
)
def test_what_cannot_be_understood_is_said(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(LauncherError, match="pip-settings"):
        read(tmp_path, data)


def test_a_home_in_a_path_is_resolved_where_it_leads_somewhere(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    found = read(tmp_path, b"[global]\nfind-links = ~/wheels ~/none\n").find_links
    assert found == (str(tmp_path / "wheels"), "~/none")
