"""`gesso update` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from launcher import cli
from launcher.verbs import update as verb
from tests.launcher.update.conftest import Copy, tree, write, zipped


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("LANG", "C.UTF-8")

    def run(copy: Copy, *words: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            patch.setattr(verb, "place_of", lambda _: copy.place)
            code = cli.main(["--root", str(copy.place.workspace.root), "update", *words], lambda *_: 99)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_check_the_update_and_the_way_back(call: Any, cloned: Copy) -> None:
    code, said, _ = call(cloned, "--check")
    assert code == 0
    assert "Gesso 0.2.0 is there; this is 0.1.0." in said
    assert "Version v0.2.0" in said
    assert "launcher/new file.py" in said
    assert cloned.version == "0.1.0"
    code, said, aside = call(cloned, "--yes")
    assert (code, cloned.version) == (0, "0.2.0")
    assert "Gesso is 0.2.0 now. `gesso update --back` leads back to 0.1.0." in said
    assert "Change to the new version" in aside
    assert "Gesso 0.2.0 is the newest." in call(cloned)[1]
    assert "Gesso 0.1.0 is back." in call(cloned, "--back")[1]
    assert cloned.version == "0.1.0"


def test_json_is_one_object(call: Any, cloned: Copy) -> None:
    found = json.loads(call(cloned, "--check", "--json")[1])
    assert found | {"files": [], "commit": ""} == {
        "present": "0.1.0", "newest": "0.2.0", "newer": True, "version": "0.2.0", "commit": "",
        "commits": ["Version v0.2.0"], "files": [],
        "rebuilds": {"launcher": False, "engine": False}, "before": None, "obstacle": None,
    }  # fmt: skip
    write(cloned.root, {"install.sh": "mine"})
    blocked = json.loads(call(cloned, "--check", "--json")[1])
    assert blocked["obstacle"]["code"] == "update-changed-files"
    code, said, _ = call(cloned, "--json")
    assert (code, json.loads(said)["error"]["code"]) == (1, "update-changed-files")
    write(cloned.root, {"install.sh": tree("0.1.0")["install.sh"]})
    assert json.loads(call(cloned, "--json")[1])["newest"] == "0.2.0"
    assert json.loads(call(cloned, "--back", "--json")[1]) == {"version": "0.1.0"}


def test_a_copy_takes_an_archive(call: Any, plain: Copy, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "x.zip", tree("0.2.0"))
    code, _, said = call(plain, "--from", str(archive), "--yes")
    assert (code, plain.version) == (0, "0.2.0")
    assert "compared with nothing" in said
    assert call(plain, "--back")[0] == 0


def test_an_older_archive_is_said_to_be_older(call: Any, plain: Copy, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "x.zip", tree("0.0.9"))
    found = json.loads(call(plain, "--check", "--from", str(archive), "--json")[1])
    assert (found["newer"], found["newest"], found["version"]) == (False, "0.1.0", "0.0.9")
    said = call(plain, "--from", str(archive), "--yes")[2]
    assert "The archive holds Gesso 0.0.9, which is not newer than this one: 0.1.0." in said
    assert plain.version == "0.0.9", "it is what the user asked for"


def test_an_obstacle_and_its_remedy_are_two_lines(call: Any, cloned: Copy) -> None:
    write(cloned.root, {"launcher/new file.py": "mine"})
    lines = call(cloned, "--check")[1].splitlines()
    assert lines[-2].endswith("lie where new ones would: launcher/new file.py")
    assert "Move them to another folder" in lines[-1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--back", "--check"), 2),
        (("--back", "--from", "x.zip"), 2),
        (("--sha256", "00"), 2),
        (("frob",), 2),
        (("--from",), 2),
        (("--chek",), 2),
        (("--from", "/nowhere.zip"), 1),
        (("--from", ""), 1),
        (("--back",), 1),
    ],
)
def test_nonsense_has_its_sentence(call: Any, plain: Copy, words: tuple[str, ...], code: int) -> None:
    found, _, said = call(plain, *words)
    assert found == code
    assert said.strip()
    assert plain.version == "0.1.0"


def test_in_chinese(call: Any, cloned: Copy) -> None:
    assert "0.2.0" in call(cloned, "--check", "--lang", "zh")[1]
