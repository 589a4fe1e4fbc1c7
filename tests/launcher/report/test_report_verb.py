"""`gesso report`: what it says before it writes, what it writes, and that nothing is written over."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path

import pytest

from launcher import cli, verb
from launcher.core.doctor.check import Checked
from launcher.core.text import t
from launcher.verbs import report as verb_of_report


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        verb_of_report, "examine", lambda _here: iter([Checked("git", t("Git"), True, t("all is well"))])
    )

    def called(*words: str, lang: str = "en") -> tuple[int, str, str]:
        code = cli.main([*words, "--root", str(tmp_path / "w"), "--lang", lang], lambda *_: 99)
        return code, *capsys.readouterr()

    return called


def names(file: Path) -> set[str]:
    with zipfile.ZipFile(file) as bundle:
        return {name.removeprefix("gesso-report/") for name in bundle.namelist()}


def test_it_lists_what_is_in_it_and_writes_exactly_that(call, tmp_path):
    code, out, err = call("report", str(tmp_path / "r.zip"))
    assert code == 0
    assert out == f"The report is in {tmp_path / 'r.zip'}\n"
    listed = {line.split()[0] for line in err.splitlines() if line.startswith("  ")}
    assert listed == names(tmp_path / "r.zip") >= {"README.txt", "checks.json", "hardware.json", "plan.json"}


def test_in_json_too(call, tmp_path):
    code, out, err = call("report", str(tmp_path / "r.zip"), "--json")
    answer = json.loads(out)
    assert (code, err, answer["report"]) == (0, "", str(tmp_path / "r.zip"))
    assert {each["name"] for each in answer["files"]} == names(tmp_path / "r.zip")


def test_every_text_is_shown_and_nothing_written(call, tmp_path):
    code, out, _ = call("report", str(tmp_path / "r.zip"), "--show")
    assert code == 0
    assert '"detail": "all is well"' in out
    assert out.count("\n=== ") >= 5
    assert not (tmp_path / "r.zip").exists()
    shown = json.loads(call("report", str(tmp_path / "r.zip"), "--show", "--json")[1])["files"]
    assert any('"all is well"' in each["text"] for each in shown)


def test_what_lies_there_is_left_alone(call, tmp_path):
    (tmp_path / "r.zip").write_text("mine")
    code, _, err = call("report", str(tmp_path / "r.zip"))
    assert (code, "[file-exists]" in err) == (1, True)
    assert (tmp_path / "r.zip").read_text() == "mine"


@pytest.mark.parametrize(("lang", "answer", "code", "said"), [
    ("en", "n\n", 1, "Nothing was done."), ("zh", "\n", 0, "写入"), ("zh", "", 1, "没有做任何改动"),
])  # fmt: skip
def test_on_a_terminal_it_asks(call, tmp_path, monkeypatch, lang, answer, code, said):
    monkeypatch.setattr(verb, "at_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    found, out, err = call("report", str(tmp_path / "r.zip"), lang=lang)
    assert found == code
    assert "hardware.json" in err
    assert said in out + err
    assert (tmp_path / "r.zip").exists() == (code == 0)
