"""`gesso env` as somebody types it: every action, with and without --json, and nonsense."""

from __future__ import annotations

import json

import pytest

from tests.launcher.cli.conftest import Gesso
from tests.launcher.core_act.workshop import with_fake_engine


@pytest.fixture
def two(gesso: Gesso) -> Gesso:
    """Two environments, `new` the current one."""
    with_fake_engine(gesso.workspace, "old")
    with_fake_engine(gesso.workspace, "new")
    return gesso


def names(gesso: Gesso) -> dict[str, str]:
    """{name: state} as `list --json` says."""
    found = json.loads(gesso.call("env", "list", "--json").stdout)["environments"]
    return {each["name"]: each["state"] for each in found}


def test_the_list_the_way_back_and_the_removal(two: Gesso) -> None:
    there = names(two)
    assert (there["new"], there["old"]) == ("current", "previous")
    assert json.loads(two.call("env", "rollback", "--json").stdout) == {"current": "old"}
    assert json.loads(two.call("env", "switch", "new", "--json").stdout) == {"current": "new"}
    kept = two.call("env", "remove", "new", "--yes", "--json")
    assert kept.returncode == 1
    assert json.loads(kept.stdout)["error"]["code"] == "environment-in-use"
    gone = json.loads(two.call("env", "remove", "old", "--yes", "--json").stdout)
    assert (gone["removed"], gone["freed_wheel_bytes"]) == ("old", 0)
    assert "old" not in names(two)


def test_for_people_it_is_said_in_their_language(two: Gesso) -> None:
    done = two.call("env", "list", "--lang", "zh")
    assert "new（当前）" in done.stdout
    assert "old（上一个）" in done.stdout
    assert "new (current)" in two.call("env", "list", "--lang", "en").stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("switch", "nowhere"), "no-such-environment"), (("remove", "../../etc", "--yes"), "no-such-environment"),
        (("create", "con", "--yes"), "bad-name"), (("create", "new", "--yes"), "environment-exists"),
        (("create", "-x", "--yes"), "usage"), (("repair", "nowhere"), "no-such-environment"),
        (("create", "mine", "--yes", "--python", "/nowhere/python"), "python-not-found"),
        (("create", "mine", "--yes", "--python", "3.2"), "python-unsupported"),
        (("freeze", "new", "--pack", "/dev/null/x"), "recipe-missing"), (("switch",), "usage"),
        (("dance",), "usage"), ((), "usage"), (("create", "", "--yes"), "bad-name"),
        (("repair", ""), "no-such-environment"),
        (("create", "mine", "--yes", "--python", ""), "usage"), (("freeze", "--model", "a.safetensors"), "usage"),
        (("repair", "--check", "--anyway"), "usage"), (("freeze", "--pack", "~nobody-of-this-name/p"), "no-such-user"),
    ],
)  # fmt: skip
def test_nonsense_is_said_and_does_nothing(two: Gesso, words: tuple[str, ...], code: str) -> None:
    before = names(two)
    done = two.call("env", *words, "--json")
    assert json.loads(done.stdout)["error"]["code"] == code, done.stderr
    assert done.returncode == (2 if code == "usage" else 1)
    assert names(two) == before


def test_the_current_one_is_looked_at_though_its_python_is_gone(two: Gesso) -> None:
    """Just then it is to be mended, and cannot be started."""
    python = two.workspace.environments / "new" / "bin" / "python"
    python.unlink()
    done = two.call("env", "repair", "--check", "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["name"], answer["whole"]) == (1, "new", False)
    assert answer["python_gone"] == str(python)


def test_a_record_of_another_shape_is_no_fault_of_ours(two: Gesso) -> None:
    stamp = two.workspace.environments / "old" / "gesso.json"
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "python": 3}))
    assert names(two)["old"] == "unusable"
    done = two.call("env", "switch", "old", "--json")
    assert json.loads(done.stdout)["error"]["code"] == "environment-unfinished"
