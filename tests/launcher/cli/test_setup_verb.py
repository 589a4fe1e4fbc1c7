"""The guided install as lines: answers given by Enter, number, b and q; defaults without a person; old terminals."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from launcher import cli, terminal, verb
from launcher.core.errors import LauncherError
from launcher.core.events import Event, ModelLoaded, Notice, Ready, Step
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan
from launcher.core.setup.course import STEPS, Answers, keep, read_answers
from launcher.core.setup.network import Network
from launcher.core.setup.picture import Picture
from launcher.core.text import t
from launcher.verbs import setup as plain

URL = "http://127.0.0.1:7860"


@dataclass
class StandIn:
    """What the lines ask of core beyond looking; the plan, the disks and the catalogue are real."""

    root: Path
    calls: list[str] = field(default_factory=list)
    network: Network = field(default_factory=Network)
    fails: LauncherError | None = None
    refused: bool = False

    def install(
        self, plan: Plan, workspace: Workspace, pack: Path | None, *, cancel: threading.Event
    ) -> Iterator[Event]:
        self.calls.append("install")
        if self.fails:
            raise self.fails
        yield Step("torch", t("loading torch"), "done", 1, 1)

    def launch(self, workspace: Workspace, options: Options, plan: Plan, *, cancel: threading.Event) -> Iterator[Event]:
        self.calls.append(f"launch detach={options.detach}")
        yield Ready(URL, 42)
        if self.refused:
            yield Notice("model-failed", "error", t("could not be loaded: the log says why"))
        yield ModelLoaded("gesso-demo", 1.0)

    def draw(self, workspace: Workspace, url: str, model: str, credentials: object) -> Picture:
        self.calls.append(f"draw {url} {model}")
        return Picture(workspace.outputs / "first-picture.png", "a red circle", 3.0)

    def measured(self, *_: object, **__: object) -> Iterator[Event]:
        self.calls.append("measured")
        return
        yield

    def put_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(plain, "install_with", self.install)
        monkeypatch.setattr(plain, "launch", self.launch)
        monkeypatch.setattr(plain, "draw", self.draw)
        monkeypatch.setattr(plain, "measured", _nothing(self.measured))
        monkeypatch.setattr(plain, "proxies_found", lambda _: self.network)
        monkeypatch.setattr(plain, "other_installs", lambda _: ())
        monkeypatch.setattr(plain, "stop", lambda _: self.calls.append("stop"))


def _nothing(work):
    def generator(*words, **more):
        yield from work(*words, **more)
        return ()

    return generator


@pytest.fixture
def core(tmp_path: Path, monkeypatch) -> StandIn:
    stand_in = StandIn(tmp_path / "workspace 中文")
    stand_in.put_in(monkeypatch)
    return stand_in


def never(*_: object) -> int:
    raise AssertionError("the interface was opened")


def called(core: StandIn, *words: str, interface=never) -> int:
    return cli.main([*words, "--root", str(core.root), "--lang", "en"], interface)


def typing(monkeypatch, text: str) -> None:
    """A person at a terminal who types `text`."""
    monkeypatch.setattr(verb, "at_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_yes_takes_every_default_and_ends_with_picture_and_address(core, capsys):
    assert called(core, "setup", "--yes") == 0
    assert core.calls == ["measured", "install", "launch detach=True", f"draw {URL} demo"]
    said = capsys.readouterr()
    assert URL in said.out
    assert "first-picture.png" in said.out
    steps = [line for line in said.err.splitlines() if line.startswith("Step")]
    assert steps == [f"Step {number} of 9: {title}" for number, title in enumerate(STEPS.values(), 1)]
    assert "\r" not in said.err
    assert "\x1b" not in said.err
    assert read_answers(Workspace(core.root)) == Answers("done", "demo", finished=True)


def test_json_is_one_object_and_nothing_else(core, capsys):
    assert called(core, "setup", "--json") == 0
    said = capsys.readouterr()
    picture = str(core.root / "outputs" / "first-picture.png")
    assert json.loads(said.out) == {"url": URL, "picture": picture, "model": "demo"}
    assert said.err == ""


def test_enter_alone_does_the_same_for_a_person(core, monkeypatch, capsys):
    typing(monkeypatch, "\n" * 6)
    assert called(core, "setup", "--plain") == 0
    assert core.calls[-1] == f"draw {URL} demo"
    said = capsys.readouterr().err
    assert "* 2  English" in said
    assert "* 1  The demo model, now" in said


def test_numbers_choose_and_what_is_none_is_asked_again(core, monkeypatch, capsys):
    typing(monkeypatch, "7\nzwei\n1\nq\n")
    assert called(core, "setup", "--plain") == 1
    said = capsys.readouterr().err
    assert said.count("That is none of the numbers.") == 2
    assert "第 2 步，共 9 步：本机情况" in said, "Chinese from then on"
    assert 'language = "zh"' in (core.root / "config.toml").read_text(encoding="utf-8")
    assert "`gesso setup` 会从这里继续。" in said
    assert core.calls == []
    assert read_answers(Workspace(core.root)).step == "machine"


def test_b_goes_back_and_a_later_run_goes_on_where_this_one_ended(core, monkeypatch, capsys):
    typing(monkeypatch, "\n\nb\nq\n")
    assert called(core, "setup", "--plain") == 1
    steps = [line for line in capsys.readouterr().err.splitlines() if "Step" in line]
    assert [line[line.index("Step") + 5] for line in steps] == ["1", "2", "3", "2"]
    typing(monkeypatch, "q\n")
    assert called(core, "setup", "--plain") == 1
    assert "Step 2 of 9" in capsys.readouterr().err


def test_the_end_of_the_input_leaves_and_begins_nothing(core, monkeypatch):
    typing(monkeypatch, "\n\n\n\n")
    assert called(core, "setup", "--plain") == 1
    assert "install" not in core.calls
    assert read_answers(Workspace(core.root)).step == "plan"


def test_a_proxy_is_used_only_when_it_is_chosen(core, monkeypatch):
    core.network = Network(offers=(7890,))
    typing(monkeypatch, "\n\n2\nq\n")
    assert called(core, "setup", "--plain") == 1
    assert "127.0.0.1:7890" in (core.root / "config.toml").read_text(encoding="utf-8")


def test_a_failed_install_is_named_and_the_next_run_begins_at_the_plan(core, capsys):
    core.fails = LauncherError("no-network", t("Not running."), t("Press Enter to start."))
    assert called(core, "setup", "--yes") == 1
    assert "[no-network]" in capsys.readouterr().err
    core.fails = None
    assert called(core, "setup", "--yes") == 0
    assert "Step 1 of 9" not in capsys.readouterr().err


def test_a_model_that_is_refused_ends_what_was_started(core, capsys):
    core.refused = True
    assert called(core, "setup", "--yes") == 1
    assert core.calls[-1] == "stop"
    assert "[not-drawn]" in capsys.readouterr().err


def test_a_terminal_that_can_draw_opens_the_interface_at_the_guided_install(core, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    typing(monkeypatch, "")
    opened: list[tuple[object, ...]] = []

    def interface(*words: object) -> int:
        opened.append(words)
        return 0

    assert called(core, "setup", interface=interface) == 0
    assert [words[3] for words in opened] == ["setup"]


@pytest.mark.parametrize("words", [["setup"], []])
def test_a_dumb_terminal_gets_the_questions_as_lines(core, monkeypatch, capsys, words):
    monkeypatch.setenv("TERM", "dumb")
    typing(monkeypatch, "q\n")
    assert called(core, *words) == 1
    assert "Step 1 of 9: Language" in capsys.readouterr().err


def test_on_a_dumb_terminal_gesso_says_its_verbs_once_everything_is_installed(core, monkeypatch, capsys):
    monkeypatch.setenv("TERM", "dumb")
    typing(monkeypatch, "")
    keep(Workspace(core.root), replace(Answers(), step="done", finished=True))
    assert called(core) == 2
    assert "gesso up" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environ", "windows", "able"),
    [
        ({"TERM": "xterm-256color"}, None, True),
        ({"TERM": "dumb"}, None, False),
        ({"TERM": "DUMB"}, None, False),
        ({}, None, True),
        ({}, 7601, False),
        ({}, 22631, True),
    ],
)
def test_which_terminals_can_draw(environ, windows, able):
    assert terminal.draws(environ, windows) is able
