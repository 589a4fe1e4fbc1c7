"""The key that opens the pictures' folder: what the page says is what happened."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.flags import read_flags
from runtime.options import Options
from runtime.studio import Studio
from runtime.ui import saving, words
from runtime.ui.page import build_blocks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the openers of other systems are not programs on PATH")


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    options = Options(tmp_path / "config.json")
    (tmp_path / str(options["outdir_txt2img_samples"])).mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":0")
    return SimpleNamespace(options=options, settings=SimpleNamespace(data_dir=tmp_path, exposed=False))


def put_opener(folder: Path, script: str) -> None:
    file = folder / "xdg-open"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_the_folder_is_handed_to_the_opener(studio: Any, tmp_path: Path) -> None:
    put_opener(tmp_path, f'echo "$1" > "{tmp_path}/opened"')
    assert words.OPENED in saving.open_folder(studio, "txt2img")
    opened = Path((tmp_path / "opened").read_text().strip())
    assert opened == tmp_path / str(studio.options["outdir_txt2img_samples"])


def test_nobody_elsewhere_opens_it(studio: Any, tmp_path: Path) -> None:
    put_opener(tmp_path, f'echo "$1" > "{tmp_path}/opened"')
    studio.settings.exposed = True
    said = saving.open_folder(studio, "txt2img")
    assert words.FOLDER_ELSEWHERE in said
    assert str(tmp_path) not in said
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize(("flags", "leads_there"), [((), True), (("--listen",), False)])
def test_a_key_that_is_hidden_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], leads_there: bool
) -> None:
    put_opener(tmp_path, "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":0")
    whole = Studio(read_flags((*flags, "--data-dir", str(tmp_path)), {}), ("false",), lambda _event: None)
    blocks = build_blocks(whole, tmp_path)
    keys = {number for number, one in blocks.blocks.items() if str(one.elem_id).endswith("_open_folder")}
    called = {number for function in blocks.fns.values() for number, _ in function.targets}
    assert len(keys) == 3
    assert (keys & called == keys) is leads_there
    assert bool(keys & called) is leads_there


def test_an_opener_that_stays_has_opened(studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "_OPENED_AFTER", 0.2)
    put_opener(tmp_path, "exec /bin/sleep 2")
    assert words.OPENED in saving.open_folder(studio, "txt2img")


def test_an_opener_that_fails_is_named(studio: Any, tmp_path: Path) -> None:
    put_opener(tmp_path, "exit 3")
    said = saving.open_folder(studio, "txt2img")
    assert words.NO_FOLDER in said
    assert "xdg-open: 3" in said


def test_without_an_opener_nothing_is_said_to_be_open(studio: Any) -> None:
    assert saving.opener() is None
    assert words.NO_FOLDER in saving.open_folder(studio, "txt2img")


def test_without_a_screen_nothing_is_said_to_be_open(
    studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_opener(tmp_path, "exit 0")
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert words.NO_FOLDER in saving.open_folder(studio, "txt2img")


def test_a_folder_that_is_not_there_yet(studio: Any, tmp_path: Path) -> None:
    put_opener(tmp_path, "exit 0")
    assert words.NO_FOLDER in saving.open_folder(studio, "img2img")
