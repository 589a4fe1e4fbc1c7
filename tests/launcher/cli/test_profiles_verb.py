"""`gesso profiles` and what `up` and `plan` make of a profile, as a user calls them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from launcher import cli
from launcher.core.environments.installed import Installed
from launcher.core.plan.options import Options
from launcher.core.proposal import propose
from launcher.core.serving.results import RunResult, keep_result
from tests.launcher.cli.conftest import Gesso


@pytest.fixture
def call(bare: Gesso, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command line in this process: exit code, standard output, standard error."""
    for name in ("COMMANDLINE_ARGS", "GESSO_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    def run(*words: str) -> tuple[int, str, str]:
        code = cli.main(["--root", str(bare.workspace.root), *words], lambda *_: 99)
        said = capsys.readouterr()
        return code, said.out, said.err

    run.workspace = bare.workspace  # type: ignore[attr-defined]
    return run


def record(answer: tuple[int, str, str]) -> dict[str, Any]:
    assert answer[0] == 0, answer
    found: dict[str, Any] = json.loads(answer[1])
    return found


def test_the_list_says_whose_each_is_and_how_it_last_went(call: Any) -> None:
    assert call("profiles", "save", "我的", "--port", "8000", "--title", "Mine")[0] == 0
    (call.workspace.root / "profiles" / "broken.toml").write_text("prot = 1\n")
    keep_result(call.workspace, "我的", RunResult("2026-11-21T10:00:00+00:00", 12.5, 20.0, 3900, True))
    found = {each["name"]: each for each in record(call("profiles", "list", "--json"))["profiles"]}
    assert found["我的"]["settings"] == {"port": 8000}
    assert found["我的"]["last"]["peak_vram_mib"] == 3900
    assert found["broken"]["error"]["code"] == "bad-facts"
    assert (found["lan"]["own"], found["lan"]["error"], found["lan"]["last"]) == (False, None, None)
    said = call("profiles", "list")[1]
    assert "ready after 20.0 s. Video memory at most: 3900 MiB. Memory ran out." in said
    assert "cannot be used" in said


def test_the_exact_command_line_is_shown_without_secrets(call: Any) -> None:
    saved = call("profiles", "save", "x", "--auth", "me:geheim", "--set", "HF_TOKEN=hf_secret", "--theme", "dark", "--",
                 "--api-auth", "bot:geheim")  # fmt: skip
    shown, asked = call("profiles", "show", "x"), call("profiles", "show", "x", "--json")
    for answer in (saved, shown, asked):
        assert answer[0] == 0
        assert "geheim" not in answer[1] + answer[2]
        assert "hf_secret" not in answer[1] + answer[2]
    command = record(asked)["command"]
    assert command[1:4] == ["-m", "runtime", "--data-dir"]
    assert "--theme" in command
    assert record(asked)["variables"] == {"HF_TOKEN": "***"}
    assert "Command: " in shown[1]


def test_an_old_install_is_taken_over_and_what_is_not_is_said(call: Any, tmp_path: Path) -> None:
    old = tmp_path / "旧 install"
    old.mkdir()
    (old / "webui-user.bat").write_bytes(
        "set PYTHON=D:\\py\\python.exe\r\nset COMMANDLINE_ARGS=--medvram --port 7870\r\ngit pull\r\n".encode("gbk")
    )
    code, _, said = call("profiles", "save", "old", "--from-webui-user", str(old), "--port", "7871")
    assert code == 0
    assert "git …" in said
    assert "PYTHON is not taken over: there is no D:\\py\\python.exe" in said
    assert record(call("profiles", "show", "old", "--json"))["settings"] == {"memory": "medvram", "port": 7871}
    assert call("profiles", "save", "x", "--from-webui-user", str(tmp_path))[0] == 1


def test_importing_again_closes_what_was_open(call: Any, tmp_path: Path) -> None:
    for flags in ("--listen --share", "--api"):
        (tmp_path / "webui-user.sh").write_text(f'export COMMANDLINE_ARGS="{flags}"\n')
        assert call("profiles", "save", "old", "--from-webui-user", str(tmp_path))[0] == 0
    assert record(call("profiles", "show", "old", "--json"))["settings"] == {"flags": ["--api"]}


def test_what_cannot_be_started_is_not_saved(call: Any) -> None:
    file = call.workspace.root / "profiles" / "x.toml"
    assert call("profiles", "save", "x", "--memory", "nonsense")[0] == 1
    assert not file.exists()
    assert call("profiles", "save", "x", "--port", "8000")[0] == 0
    before = file.read_bytes()
    assert call("profiles", "save", "x", "--memory", "nonsense")[0] == 1
    assert file.read_bytes() == before
    file.write_text('port = 8000\nmemory = "nonsense"\n')
    code, shown, said = call("profiles", "show", "x")
    assert code == 1
    assert "memory = nonsense" in shown, "the settings first"
    assert "nonsense" in said


@pytest.mark.parametrize("said", [("--", "--i-accept-unprotected-remote"), ("--", "--i-acc"),
                                  ("--set", "COMMANDLINE_ARGS=--listen --i-accept-unprotected-remote")])  # fmt: skip
def test_that_anybody_may_come_in_is_kept_by_no_profile(call: Any, said: tuple[str, ...]) -> None:
    code, _, told = call("profiles", "save", "open", "--listen", *said)
    assert (code, "[bad-facts]" in told) == (1, True)
    assert "holds --i-accept-unprotected-remote, which no profile keeps" in told
    file = call.workspace.root / "profiles" / "open.toml"
    assert not file.exists()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('listen = true\nflags = ["--i-accept-unprotected-remote"]\n')
    code, _, told = call("plan", "--profile", "open")
    assert (code, "[bad-facts]" in told) == (1, True)
    assert "unprotected-remote]" in call("plan", "--listen", "--", "--i-accept-unprotected-remote")[1]


def test_an_old_installs_python_makes_the_environment(call: Any, tmp_path: Path) -> None:
    (tmp_path / "webui-user.sh").write_text(f'python_cmd="{sys.executable}"\nvenv_dir=-\n')
    code, _, said = call("profiles", "save", "old", "--from-webui-user", str(tmp_path / "webui-user.sh"))
    assert code == 0
    assert f"Gesso makes its environment with {sys.executable}" in said
    assert "VENV_DIR is -" in said
    assert record(call("profiles", "show", "old", "--json"))["settings"]["environment"] == {"PYTHON": sys.executable}
    own = propose(call.workspace, Options(profile="old"), Installed(), {"PIP_CONFIG_FILE": "/dev/null"}).plan.own_python
    assert own is not None
    assert own.interpreter


def test_a_plan_shows_the_command_and_the_options_win_over_the_profile(call: Any, monkeypatch: Any) -> None:
    call("profiles", "save", "mine", "--port", "8000", "--memory", "cpu", "--share", "--", "--theme", "light")
    plain = record(call("plan", "--json", "--profile", "mine"))
    assert plain["memory"]["mode"] == "cpu"
    assert plain["command"][-6:] == ["--share", "--theme", "light", "--port", "8000", "--events"]
    assert "password-made" in [finding["slug"] for finding in plain["findings"]]
    won = record(call("plan", "--json", "--profile", "mine", "--port", "9000", "--", "--theme", "dark"))
    assert won["command"][-7:] == ["--theme", "light", "--theme", "dark", "--port", "9000", "--events"]
    monkeypatch.setenv("COMMANDLINE_ARGS", "--port 9999 --lowvram --medvram")
    environment = record(call("plan", "--json", "--profile", "mine", "--port", "9000"))
    assert environment["command"][-3:] == ["--port", "9999", "--events"]
    assert "flags-contradict" in [finding["slug"] for finding in environment["findings"]]
    assert "Command: " in call("plan")[1]


def test_deleting_and_shadowing_are_said(call: Any) -> None:
    assert "[profile-shipped]" in call("profiles", "delete", "lan")[2]
    assert "instead of" in call("profiles", "save", "lan", "--extends", "lan", "--no-listen")[1]
    assert record(call("profiles", "show", "lan", "--json"))["settings"]["listen"] is False
    assert "counts again" in call("profiles", "delete", "lan")[1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("profiles",), 2),
        (("profiles", "frob"), 2),
        (("profiles", "show"), 2),
        (("profiles", "show", "nobody"), 1),
        (("profiles", "save", "x", "--port", "0"), 2),
        (("profiles", "save", "x", "--attention", "fast"), 2),
        (("profiles", "save", "x", "--set", "novalue"), 2),
        (("profiles", "save", "-x"), 2),
        (("profiles", "save", "x", "--gpu", "7"), 1),
        (("profiles", "delete", ""), 1),
        (("up", "--profile", "nobody", "--yes"), 1),
    ],
)
def test_nonsense_has_its_sentence(call: Any, words: tuple[str, ...], code: int) -> None:
    found, _, said = call(*words)
    assert found == code
    assert said.strip()


def test_up_prints_the_command_and_keeps_the_result(gesso: Gesso) -> None:
    assert gesso.call("profiles", "save", "mine", "--", "--api-auth", "bot:geheim", "--fake=card").returncode == 0
    answer = gesso.call("up", "--profile", "mine", "--detach", "--yes")
    assert answer.returncode == 0, answer.stderr
    assert "-m runtime --data-dir" in answer.stderr
    assert "geheim" not in answer.stdout + answer.stderr
    (found,) = [each for each in json.loads(gesso.call("profiles", "list", "--json").stdout)["profiles"]
                if each["name"] == "mine"]  # fmt: skip
    assert found["last"]["peak_vram_mib"] == 3900
    assert found["last"]["seconds"] > 0
