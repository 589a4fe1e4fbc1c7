"""Two servers on one data folder: what one writes the other does not lose."""

from __future__ import annotations

import json
import logging
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime import files
from runtime.files import BusyError, alone_with
from runtime.hashes import HashCache
from runtime.options import Options
from runtime.request import RequestError
from runtime.styles import Style, StyleBook
from tests.fakes.serving import CHECKOUT, put_checkpoint, serve

#: as many as make two meet, wherever they are held up
_TURNS = 25


def stored(file: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_each_writes_what_was_changed_there_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"jpeg_quality": 70, "samples_format": "jpg", "theirs": 1, "n_rows": "many"}', "utf-8")
    one, two = Options(file), Options(file)
    one.update({"jpeg_quality": 90, "new": "one's"})
    two.update({"samples_format": "webp"})
    one.update({"theirs": None})
    two.update({"n_rows": 3})
    assert stored(file) == {"jpeg_quality": 90, "samples_format": "webp", "n_rows": 3, "new": "one's"}
    assert (one["samples_format"], two["jpeg_quality"]) == ("jpg", 70), "nobody's settings change while he draws"


def test_what_was_set_last_is_stored_even_where_it_counted_already(tmp_path: Path) -> None:
    one, two = (Options(tmp_path / "config.json") for _ in range(2))
    one.update({"jpeg_quality": 90})
    two.update({"jpeg_quality": 60})
    one.update({"jpeg_quality": 90})
    assert stored(tmp_path / "config.json") == {"jpeg_quality": 90}


@pytest.mark.parametrize("now", [None, "{", "[]"])
def test_a_file_that_is_gone_or_broken_is_written_as_it_counted(tmp_path: Path, now: str | None) -> None:
    file = tmp_path / "config.json"
    options = Options(file)
    options.update({"jpeg_quality": 90, "theirs": 1})
    file.unlink() if now is None else file.write_text(now, "utf-8")
    options.update({"samples_format": "jpg"})
    assert stored(file) == {"jpeg_quality": 90, "theirs": 1, "samples_format": "jpg"}
    assert len(list((tmp_path / "tmp").glob("config-*"))) == (now is not None)


def test_who_finds_it_torn_moves_no_good_one_aside(tmp_path: Path) -> None:
    """Another had found it torn too, and has put a good one there while this one was about to."""
    file = tmp_path / "config.json"
    file.write_text("{", "utf-8")
    with ThreadPoolExecutor(1) as pool:
        with alone_with(file):
            second = pool.submit(Options, file)
            time.sleep(0.5)
            file.write_text('{"jpeg_quality": 90}', "utf-8")
        second.result()
    assert second.result()["jpeg_quality"] == 90
    assert not (tmp_path / "tmp").exists()


def _works(folder: Path, number: int) -> None:
    """One server's changes, as fast as it can."""
    options, book = Options(folder / "config.json"), StyleBook([folder / "styles.csv"])
    for turn in range(_TURNS):
        options.update({f"their_{number}_{turn}": turn})
        book.save(Style(f"style {number} {turn}", "a", "b"))
    model = folder / f"{number}.safetensors"
    model.write_bytes(b"x")
    HashCache(folder / "cache.json").remember(model, model.name)


def test_two_at_once_lose_nothing(tmp_path: Path) -> None:
    start = multiprocessing.get_context("spawn")
    both = [start.Process(target=_works, args=(tmp_path, number)) for number in (1, 2)]
    for one in both:
        one.start()
    for one in both:
        one.join(300)
        assert one.exitcode == 0
    pairs = [(number, turn) for number in (1, 2) for turn in range(_TURNS)]
    assert stored(tmp_path / "config.json") == {f"their_{number}_{turn}": turn for number, turn in pairs}
    names = {style.name for style in StyleBook([tmp_path / "styles.csv"]).styles()}
    assert names == {f"style {number} {turn}" for number, turn in pairs}
    assert set(stored(tmp_path / "cache.json")["hashes"]) == {f"checkpoint/{n}.safetensors" for n in (1, 2)}  # type: ignore[call-overload]


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Another process is at work on it and goes on for ever."""
    program = "import sys, time; from pathlib import Path; from runtime.files import alone_with\n"
    program += "with alone_with(Path(sys.argv[1])): print('held', flush=True); time.sleep(1000)"
    with subprocess.Popen([sys.executable, "-c", program, str(file)], cwd=CHECKOUT, stdout=subprocess.PIPE) as other:
        assert other.stdout
        try:
            assert other.stdout.readline() == b"held\n"
            yield
        finally:
            other.kill()


def test_settings_that_a_job_wants_kept_keep_nobody_and_no_picture(tmp_path: Path) -> None:
    put_checkpoint(tmp_path, "a.safetensors")
    job = {"prompt": "x", "steps": 1}
    keeping = {**job, "override_settings": {"jpeg_quality": 60}, "override_settings_restore_afterwards": False}
    with serve(tmp_path, "--nowebui") as served, ThreadPoolExecutor(1) as pool:
        assert served.draw(**job).status_code == 200
        with held(tmp_path / "config.json"):
            waiting = pool.submit(served.draw, **keeping)
            # the first of them at the latest waits behind the one whose settings wait
            assert [served.draw(**job).status_code for _ in range(5)] == [200] * 5
            assert not waiting.done(), "the queue went on before the settings were free"
            said = waiting.result(60).json()
        assert len(said["images"]) == 1
        assert "config.json" in json.loads(said["info"])["comments"][0]
        assert served.get("/sdapi/v1/options").json()["jpeg_quality"] == 80


def test_who_does_not_let_go_is_said_and_nothing_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.json"
    options = Options(file)
    options.update({"jpeg_quality": 90})
    monkeypatch.setattr(files, "_PATIENCE", 0.2)
    with held(file):
        with pytest.raises(RequestError) as refused:
            options.update({"jpeg_quality": 60})
        assert refused.value.code == "settings-busy"
        assert options["jpeg_quality"] == stored(file)["jpeg_quality"] == 90
    options.update({"jpeg_quality": 60})
    assert stored(file) == {"jpeg_quality": 60}, "who was ended holds nothing"


def test_threads_of_one_server_wait_for_one_another(tmp_path: Path) -> None:
    def tried() -> None:
        with alone_with(tmp_path / "a", patience=0.2):
            pass

    with ThreadPoolExecutor(1) as pool:
        with alone_with(tmp_path / "a"), pytest.raises(BusyError):
            pool.submit(tried).result()
        pool.submit(tried).result()


def test_a_folder_that_takes_no_lock_is_worked_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / ".config.json.lock").mkdir()
    with caplog.at_level(logging.WARNING):
        Options(tmp_path / "config.json").update({"jpeg_quality": 60})
    assert stored(tmp_path / "config.json") == {"jpeg_quality": 60}


def test_defaults_of_the_page_that_another_wrote_meanwhile_stay(tmp_path: Path) -> None:
    import gradio as gr

    from runtime.ui.ui_config import UiConfig

    file = tmp_path / "ui-config.json"
    config = UiConfig(file)
    config.apply("txt2img", gr.Slider(1, 150, 20, label="Sampling steps"))
    file.write_text('{"txt2img/Sampling steps/value": 30, "theirs": 1}', "utf-8")
    config.write()
    assert stored(file)["txt2img/Sampling steps/value"] == 30
    assert {"theirs", "txt2img/Sampling steps/maximum"} <= stored(file).keys()


@pytest.mark.parametrize("text", ['{"txt2img/Prompt/value": "mine",}', '["mine"]'])
def test_defaults_of_the_page_that_cannot_be_read_are_not_overwritten(tmp_path: Path, text: str) -> None:
    import gradio as gr

    from runtime.ui.ui_config import UiConfig

    file = tmp_path / "ui-config.json"
    file.write_text(text, "utf-8")
    config = UiConfig(file)
    config.apply("txt2img", gr.Slider(1, 150, 20, label="Sampling steps"))
    config.write()
    (aside,) = (tmp_path / "tmp").glob("ui-config-*.json")
    assert "mine" in aside.read_text("utf-8")
