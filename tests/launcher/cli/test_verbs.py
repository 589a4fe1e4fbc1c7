"""The command line from outside: exit codes, the shapes of --json, what goes where, and what Ctrl-C leaves."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from launcher import __main__ as program
from launcher import cli, verbs
from launcher.core.pack.manifest import Pack, write_description
from launcher.core.paths import Workspace, checkout
from launcher.core.plan.options import Options
from launcher.core.process import created
from launcher.core.running import find_running, status
from launcher.verb import Verb
from tests.launcher.cli.conftest import Answer, Gesso

HERE = Path(__file__).parent


def one(answer: Answer) -> dict[str, Any]:
    """The one JSON object on standard output."""
    assert answer.stdout.count("\n") == 1, answer.stdout + answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def lines(answer: Answer) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.stdout.splitlines()]


def until_serving(gesso: Gesso) -> int:
    """The runtime's process id, once it serves."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        now = status(gesso.workspace)
        if now.state == "serving" and now.pid:
            return now.pid
        time.sleep(0.05)
    raise AssertionError("it does not serve")


def test_hardware_has_the_agreed_shape(bare: Gesso) -> None:
    found = one(bare.call("hardware", "--json"))
    assert {"os", "arch", "python", "ram_mib", "disk_free_mib", "driver", "gpus"} <= set(found)
    assert found["os"] in ("windows", "linux", "macos")


def test_a_simulated_computer_is_the_answer_and_can_be_replayed(bare: Gesso, tmp_path: Path) -> None:
    file = tmp_path / "machine.toml"
    file.write_text(
        'os = "windows"\narch = "x86_64"\npython = "3.11.9"\n[[gpus]]\nvendor = "nvidia"\nname = "RTX 3060"\n'
    )
    first = one(bare.call("hardware", "--json", "--simulate", str(file)))
    assert first["gpus"][0]["name"] == "RTX 3060"
    again = tmp_path / "hardware.json"
    again.write_text(json.dumps(first))
    assert one(bare.call("hardware", "--json", "--simulate", str(again))) == first


def test_a_plan_has_the_agreed_shape_and_changes_nothing(bare: Gesso) -> None:
    found = one(bare.call("--json", "plan"))
    assert {"version", "tag", "source", "reason"} <= set(found["torch"])
    assert {"mode", "attention", "flags", "reason"} <= set(found["memory"])
    assert [step["name"] for step in found["steps"]] == ["environment", "torch", "packages", "verify", "switch"]
    assert {step["state"] for step in found["steps"]} == {"missing"}
    assert set(found["disk"]) == {"needed_mib", "free_mib"}
    assert not bare.workspace.root.exists()


def test_what_is_said_is_said_in_the_language_asked_for(bare: Gesso) -> None:
    assert "环境" in bare.call("plan", "--lang", "zh").stdout
    assert "环境" in bare.call("plan", LANG="zh_CN.UTF-8").stdout
    assert "environment" in bare.call("plan").stdout
    assert "没有" in bare.call("up", "--bogus", "--lang", "zh").stderr


def test_a_console_that_knows_no_chinese_gets_question_marks_not_a_crash(bare: Gesso) -> None:
    answer = bare.call("plan", "--lang", "zh", PYTHONIOENCODING="ascii")
    assert answer.returncode == 0
    assert "?" in answer.stdout


def test_usage_errors_are_two_and_named_failures_one(bare: Gesso) -> None:
    usage = bare.call("up", "--bogus", "--json")
    assert (usage.returncode, one(usage)["error"]["code"]) == (2, "usage")
    failure = bare.call("launch", "--json")
    assert (failure.returncode, one(failure)["error"]["code"]) == (1, "not-installed")
    assert set(one(failure)["error"]) == {"code", "message", "hint"}
    told = bare.call("launch")
    assert (told.returncode, told.stdout) == (1, "")
    assert "[not-installed]" in told.stderr


def test_a_folder_that_cannot_be_made_or_means_nobody_is_one_and_a_sentence(bare: Gesso, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    within_a_file = Gesso(Workspace(tmp_path / "file" / "work"), bare.environ)
    for verb in ("launch", "install"):
        refused = within_a_file.call(verb, "--json")
        assert (refused.returncode, lines(refused)[-1]["error"]["code"]) == (1, "root-not-usable"), refused.stderr
    nobody = [sys.executable, "-m", "launcher", "status", "--json", "--root", "~no-such-user-here/g"]
    answer = subprocess.run(nobody, env=bare.environ, cwd=checkout(), capture_output=True, text=True)
    assert (answer.returncode, one(answer)["error"]["code"]) == (1, "no-such-user"), answer.stderr


def test_started_to_ignore_the_end_of_the_terminal_it_ignores_it(gesso: Gesso) -> None:
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-c", ignoring, *gesso.command("up", "--yes")]
    child = subprocess.Popen(command, env=gesso.environ, cwd=checkout(), stdin=subprocess.DEVNULL)
    runtime = until_serving(gesso)
    child.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(1.0)
    assert created(runtime) is not None
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 130


def test_without_a_verb_and_a_terminal_there_is_a_short_help(bare: Gesso) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "launcher"], env=bare.environ, cwd=HERE.parents[2], capture_output=True, text=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "gesso up" in answer.stderr


def test_help_and_version_are_no_failures(bare: Gesso) -> None:
    assert bare.call("up", "--help").returncode == 0
    assert bare.call("--version").stdout.startswith("gesso")


def test_no_network_is_one_and_a_sentence(bare: Gesso) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{closed.getsockname()[1]}"
        answer = bare.call("install", "--json", "--memory", "cpu", HTTPS_PROXY=proxy, HTTP_PROXY=proxy, ALL_PROXY=proxy)
    assert answer.returncode == 1
    assert lines(answer)[-1]["error"]["code"] == "no-network"
    assert lines(answer)[0] == {
        "event": "step", "name": "environment", "title": lines(answer)[0]["title"], "state": "started", "number": 1,
        "count": 5,
    }  # fmt: skip
    assert not list(bare.workspace.environments.iterdir())


def test_an_index_that_pip_forbids_is_one_before_anything_is_written(bare: Gesso) -> None:
    answer = bare.call("install", "--yes", PIP_NO_INDEX="1")
    assert answer.returncode == 1
    assert "[torch-not-in-sources]" in answer.stderr
    assert not bare.workspace.root.exists()


def test_up_detached_serves_and_the_second_says_where(gesso: Gesso) -> None:
    first = gesso.call("up", "--yes", "--detach", "--json")
    assert first.returncode == 0, first.stderr
    ready = next(event for event in lines(first) if event["event"] == "ready")
    assert urllib.request.urlopen(ready["url"]).status == 200
    second = gesso.call("up")
    assert second.returncode == 0
    assert ready["url"] in second.stdout
    other = gesso.call("up", "--listen")
    assert other.returncode == 1
    assert "[already-running]" in other.stderr
    found = one(gesso.call("status", "--json"))
    assert {"state", "url", "pid", "profile", "since"} <= set(found)
    assert (found["state"], found["url"], found["pid"]) == ("serving", ready["url"], ready["pid"])
    assert one(gesso.call("stop", "--json")) == {"stopped": True}
    assert one(gesso.call("status", "--json"))["state"] == "stopped"
    assert gesso.call("stop").returncode == 0


def test_launch_answers_with_the_status_as_one_object(gesso: Gesso) -> None:
    found = one(gesso.call("launch", "--detach", "--json", "--listen"))
    assert found["state"] == "serving"
    assert found["credentials"] == {"user": "sd", "password": "correct horse battery", "token": ""}
    again = one(gesso.call("launch", "--json", "--listen"))
    assert (again["pid"], again["url"]) == (found["pid"], found["url"])


def test_from_the_installer_without_a_terminal_it_is_up(gesso: Gesso) -> None:
    answer = gesso.call("--from-install", "--detach", "--json")
    assert answer.returncode == 0
    assert lines(answer)[-1]["event"] in ("ready", "model_loaded")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_end_of_an_attached_launcher_is_the_end_of_what_it_started(gesso: Gesso, number: int) -> None:
    child = gesso.start("launch", "--", "--fake=child")
    pid = until_serving(gesso)
    child.send_signal(number)
    child.communicate(timeout=60)
    assert child.returncode == 130
    assert created(pid) is None
    assert status(gesso.workspace).state == "stopped"


def test_a_launcher_killed_outright_leaves_a_runtime_that_can_be_found_and_stopped(gesso: Gesso) -> None:
    child = gesso.start("launch")
    pid = until_serving(gesso)
    child.kill()
    child.communicate()
    assert one(gesso.call("status", "--json"))["pid"] == pid
    assert gesso.call("stop").returncode == 0
    assert created(pid) is None


def test_stopped_from_elsewhere_an_attached_launcher_ends_well(gesso: Gesso) -> None:
    child = gesso.start("launch")
    until_serving(gesso)
    assert gesso.call("stop").returncode == 0
    child.communicate(timeout=60)
    assert child.returncode == 0


def test_one_that_dies_is_one_with_its_last_words(gesso: Gesso) -> None:
    answer = gesso.call("launch", "--", "--fake=die")
    assert answer.returncode == 1
    assert "[runtime-died]" in answer.stderr
    assert "no torch here" in answer.stderr
    later = gesso.call("launch", "--", "--fake=crash")
    assert (later.returncode, "[runtime-ended]" in later.stderr) == (1, True)


@pytest.mark.parametrize("detach", [(), ("--detach",)])
def test_a_broken_checkpoint_by_name_is_one_and_nothing_is_left_running(gesso: Gesso, detach: tuple[str, ...]) -> None:
    answer = gesso.call("up", "--yes", "--json", *detach, "--", "--ckpt", "broken.safetensors")
    assert answer.returncode == 1
    assert lines(answer)[-1]["error"]["code"] == "model-truncated"
    assert find_running(gesso.workspace) is None
    launched = gesso.call("launch", "--json", *detach, "--", "--ckpt", "broken.safetensors")
    assert (launched.returncode, one(launched)["error"]["code"]) == (1, "model-truncated")


def test_a_taken_port_is_one_when_it_may_not_move(gesso: Gesso) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = str(held.getsockname()[1])
        answer = gesso.call("up", "--port", port)
        assert answer.returncode == 1
        assert "[port-taken]" in answer.stderr
        assert str(os.getpid()) in answer.stderr
    assert find_running(gesso.workspace) is None


def test_at_a_terminal_the_next_port_is_offered_and_ctrl_c_ends_it(gesso: Gesso) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            gesso.command("launch", "--port", str(held.getsockname()[1])), env=gesso.environ, cwd=HERE.parents[2],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        said = b""
        while b"[Y/n]" not in said:
            said += os.read(ours, 1000)
        os.write(ours, b"\n")
        until_serving(gesso)
        child.send_signal(signal.SIGINT)
        try:
            while os.read(ours, 1000):
                pass
        except OSError:
            pass
        assert child.wait(60) == 130
        os.close(ours)
    assert status(gesso.workspace).state == "stopped"


def test_a_reader_who_leaves_early_gets_no_traceback(bare: Gesso) -> None:
    child = bare.start("plan")
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    said = child.stderr.read()
    child.wait(60)
    assert "Traceback" not in said
    assert child.returncode == 0


def test_a_bug_is_three_with_a_report_that_keeps_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(words: object, interface: object) -> int:
        raise ZeroDivisionError("at https://me:secret@host/ in " + str(Path.home()))

    monkeypatch.setattr("launcher.cli.main", broken)
    assert program.main(["plan", "--json"]) == 3
    told = capsys.readouterr()
    assert "ZeroDivisionError" in told.err
    assert "secret" not in told.err + told.out
    assert json.loads(told.out)["error"]["code"] == "bug"


def test_the_report_names_options_and_no_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(words: object, interface: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("launcher.cli.main", broken)
    words = ["launch", "--root", "geheim", "--", "--port", "70000", "--api-auth=me:geheim", "--ngrok", "geheim",
             "--gradio-auth", "--geheim", "-geheim"]  # fmt: skip
    assert program.main(words) == 3
    told = capsys.readouterr().err
    assert "gesso launch --root --port --api-auth --ngrok --gradio-auth\n" in told
    assert "geheim" not in told
    assert "这是 Gesso 的错误" in told


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(words: object, interface: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("launcher.cli.main", interrupted)
    assert program.main(["plan"]) == 130


def test_quiet_says_only_what_was_asked_for(gesso: Gesso) -> None:
    answer = gesso.call("launch", "--detach", "--quiet")
    assert answer.stderr == ""
    assert "http://" in answer.stdout


@pytest.mark.parametrize(
    ("words", "opened"),
    [
        ([], True),
        (["--from-install", "--port", "7861"], True),
        (["--from-install", "--yes"], False),
        (["status"], False),
    ],
)
def test_at_a_terminal_the_interface_opens_with_the_options(
    bare: Gesso, monkeypatch: pytest.MonkeyPatch, words: list[str], opened: bool
) -> None:
    monkeypatch.setattr("launcher.verb.at_terminal", lambda: True)
    seen: list[Options] = []
    monkeypatch.setattr(verbs, "find_verb", lambda name: Verb(lambda call: 0))
    root = ["--root", str(bare.workspace.root)]

    def interface(workspace: object, language: str, options: Options) -> int:
        seen.append(options)
        return 0

    assert cli.main([*words, *root], interface) == 0
    assert seen == ([Options(port=7861 if "--port" in words else None)] if opened else [])


def test_the_pack_of_install_sh_is_what_the_interface_gets(
    bare: Gesso, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("launcher.verb.at_terminal", lambda: True)
    seen: list[Options] = []

    def interface(workspace: object, language: str, options: Options) -> int:
        seen.append(options)
        return 0

    words = ["--from-install", "--from", str(tmp_path / "pack"), "--root", str(bare.workspace.root), "--lang", "en"]
    assert (cli.main(words, interface), seen) == (1, [])
    assert "there is no finished pack" in capsys.readouterr().err
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "SHA256SUMS").touch()
    write_description(tmp_path / "pack", Pack(1, "linux", "x86_64", "3.11", "2.13.0", "0", "0", False, "now"))
    assert (cli.main(words, interface), seen) == (0, [Options(pack=tmp_path / "pack")])


@pytest.mark.parametrize(
    ("answer", "agreed"), [("\n", True), ("y\n", True), ("是\n", True), ("n\n", False), ("", False)]
)
def test_enter_is_yes_and_the_end_of_the_input_is_no(
    bare: Gesso, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str, agreed: bool
) -> None:
    """With --quiet too, whoever is asked has seen what the question is about, and a no is heard."""
    monkeypatch.setattr("launcher.verb.at_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    done: list[object] = []
    monkeypatch.setattr("launcher.verbs.install.carry_out", lambda *given: done.append(given))
    code = cli.main(["install", "--quiet", "--root", str(bare.workspace.root), "--lang", "en"], lambda *_: 0)
    assert (said := capsys.readouterr().err).index("PyTorch") < said.index("Shall this be done?")
    assert (code, bool(done), "Nothing was done." in said) == (1 - agreed, agreed, not agreed)
