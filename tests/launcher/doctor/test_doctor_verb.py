"""`gesso doctor` as a user calls it: what is said in both languages, what is mended, what is taken back."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from launcher.__main__ import main
from launcher.core.mends.mend import Here
from launcher.core.paths import Workspace
from tests.launcher.core_act.workshop import with_fake_engine
from tests.launcher.doctor.test_models_check import LORA

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(here: Here, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Exit code, standard output, standard error."""
    for name in set(os.environ) - set(here.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("LANG", "C.UTF-8")

    def called(*words: str) -> tuple[int, str, str]:
        code = main(["--root", str(here.workspace.root), "doctor", *words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return called


def answer(call: Call, *words: str) -> tuple[int, dict[str, Any]]:
    code, out, _ = call("--json", *words)
    (line,) = out.splitlines()
    return code, json.loads(line)


def leftover(workspace: Workspace) -> Path:
    """What pip leaves when it is killed while it replaces torch."""
    folder = with_fake_engine(workspace) / "lib/python3.12/site-packages/~orch"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("half\n")
    return folder


def test_every_check_is_named_with_its_keys(call: Call) -> None:
    _, said = answer(call)
    names = [each["name"] for each in said["checks"]]
    assert names[:3] == ["disk", "memory", "system"]
    for each in said["checks"]:
        assert {"name", "ok", "detail", "fix"} <= each.keys()
        assert each["ok"] in (True, False, None)


def test_a_few_checks_in_both_languages(call: Call) -> None:
    code, out, err = call("permissions", "leftovers")
    assert code == 0
    assert [line.split("  ")[0] for line in out.splitlines()] == ["+ fine", "+ fine"]
    assert "2 checks: 2 fine" in err
    code, out, err = call("permissions", "leftovers", "--lang", "zh")
    assert [line.split("  ")[0] for line in out.splitlines()] == ["+ 正常", "+ 正常"]
    assert "2 项" in err


def test_what_is_wrong_is_said_with_what_to_do_and_ends_with_1(call: Call, here: Here) -> None:
    leftover(here.workspace)
    code, out, err = call("leftovers", "permissions")
    assert code == 1
    assert "! WRONG  Leftovers" in out
    assert "    → " in out
    assert "--fix" in err
    quiet = call("leftovers", "permissions", "--quiet")[1]
    assert "Leftovers" in quiet
    assert "Permissions" not in quiet


def test_what_does_not_apply_is_left_out_unless_it_is_asked_for(call: Call) -> None:
    every = call()[1]
    assert "Port:" in every
    assert "What runs" not in every
    assert call("runtime")[1].startswith("- does not apply  What runs: Nothing runs.")
    checks = {each["name"]: each["applies"] for each in answer(call)[1]["checks"]}
    assert (checks["runtime"], checks["ports"]) == (False, True)


def test_one_that_cannot_be_mended_does_not_keep_the_others_from_it(call: Call, here: Here) -> None:
    """The first has no address that it could be fetched from."""
    folder = here.workspace.models / "Stable-diffusion"
    folder.mkdir(parents=True)
    (folder / "a.safetensors").write_bytes(b"")
    (folder / "lora.safetensors").write_bytes(LORA)
    code, _, err = call("models", "--fix", "--yes")
    assert code == 1, "the empty one is still there"
    assert "a.safetensors" in err
    assert (here.workspace.models / "Lora" / "lora.safetensors").is_file()


def test_mended_looked_at_again_and_taken_back(call: Call, here: Here) -> None:
    folder = leftover(here.workspace)
    code, out, err = call("leftovers", "--fix", "--yes")
    assert (code, folder.exists()) == (0, False)
    assert "~orch" in err, "what changes is shown before"
    assert "it is well now" in out
    assert "--undo 1" in out
    assert call("leftovers")[0] == 0
    assert "1  " in call("--list")[1]
    assert call("--undo", "1")[0] == 0
    assert (folder / "__init__.py").read_text() == "half\n"
    assert "taken back" in call("--list")[1]
    assert call("leftovers")[0] == 1
    assert call("--undo", "1")[0] == 1, "only once"


def test_the_same_as_json(call: Call, here: Here) -> None:
    leftover(here.workspace)
    code, said = answer(call, "leftovers", "permissions", "--fix")
    assert code == 0
    assert [each["ok"] for each in said["checks"]] == [True, True]
    (done,) = said["mended"]
    assert (done["mend"], done["number"], done["still"]) == ("remove-leftovers", 1, None)
    assert "~orch" in str(done["changes"])
    assert done["undo"] == "gesso doctor --undo 1"
    assert said["left"] == []
    assert answer(call, "--list")[1]["mended"][0]["undone"] is False
    assert answer(call, "--undo", "1") == (0, {"undone": 1})


def test_a_no_changes_nothing(call: Call, here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = leftover(here.workspace)
    monkeypatch.setattr("launcher.verb.Call.asks", True)
    monkeypatch.setattr("launcher.verb.Call.agrees", lambda self, question: False)
    code, _, err = call("leftovers", "--fix")
    assert (code, folder.exists()) == (1, True)
    assert "Mended: 0; still wrong: 1." in err
    assert not (here.workspace.state / "mends.json").exists()


def test_a_port_that_is_taken_is_changed_in_the_run_profile(call: Call, here: Here) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        profile = here.workspace.root / "profiles/local.toml"
        profile.parent.mkdir()
        profile.write_text(f"port = {port}\n", "utf-8")
        assert call("ports")[0] == 1
        code, said = answer(call, "ports", "--fix")
        assert (code, said["mended"][0]["mend"]) == (0, "next-port")
        assert str(port) not in profile.read_text("utf-8")
        assert call("ports")[0] == 0
        assert call("--undo", "1")[0] == 0
        assert profile.read_text("utf-8") == f"port = {port}\n"


def test_a_mend_that_cannot_help_says_why_and_the_others_go_on(call: Call, here: Here) -> None:
    leftover(here.workspace)
    models = here.workspace.models / "Stable-diffusion"
    models.mkdir(parents=True)
    (models / "nobody knows it.safetensors").write_bytes(b"")
    code, said = answer(call, "models", "leftovers", "--fix")
    assert code == 1
    assert {each["name"]: each["ok"] for each in said["checks"]} == {"leftovers": True, "models": False}
    assert [each["check"] for each in said["left"]] == ["models"]
    assert [each["check"] for each in said["mended"]] == ["leftovers"]


@pytest.mark.parametrize(
    "words", [("nonsense",), ("--undo", "x"), ("--fix", "--list"), ("--undo", "1", "--fix"), ("--undo",)]
)
def test_what_cannot_be_understood(call: Call, words: tuple[str, ...]) -> None:
    code, _, err = call(*words)
    assert code == 2
    assert "[usage]" in err


def test_undoing_what_was_never_done(call: Call) -> None:
    code, said = answer(call, "--undo", "7")
    assert (code, said["error"]["code"]) == (1, "no-such-mended")


def test_nothing_was_mended(call: Call) -> None:
    assert "yet" in call("--list")[1]


def test_settings_that_cannot_be_read_are_one_check_and_no_end(call: Call, here: Here) -> None:
    here.workspace.config_file.write_text("language = 7\n", "utf-8")
    code, said = answer(call, "settings", "permissions", "leftovers")
    assert code == 1
    found = {each["name"]: each["ok"] for each in said["checks"]}
    assert found == {"permissions": True, "settings": False, "leftovers": True}
    shutil.rmtree(here.workspace.root)
