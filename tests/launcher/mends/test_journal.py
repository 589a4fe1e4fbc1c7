"""The frame of the mends, with one mend made for the test that changes a real file."""

import errno
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from launcher.core.errors import LauncherError, NotWrittenError
from launcher.core.events import Notice
from launcher.core.file_lock import only_one
from launcher.core.mends import MENDS, find_mend, journal
from launcher.core.mends.mend import Change, Mend, Preview, changed_since
from launcher.core.records import read_record, write_record
from launcher.core.report import sources as report_sources
from launcher.core.text import t
from tests.launcher.mends.mending import exhaust, here_in


def _file(here):
    return here.workspace.root / "word.txt"


def _preview(here, values):
    before = _file(here).read_text()
    if before == values["word"]:
        return None
    changes = (Change(t("the word in {file}", file=_file(here).name), before, values["word"]),)
    return Preview("word", t("Write the right word"), changes)


def _apply(here, values, cancel):
    before = _file(here).read_text()
    yield Notice("word", "info", t("Writing"))
    _file(here).write_text(values["word"])
    return {"before": before, "after": values["word"]}


def _verify(here, values):
    return None if _file(here).read_text() == "well" else t("It is not well.")


def _undo(here, record):
    if _file(here).read_text() != record["after"]:
        raise changed_since(t("The word"))
    yield Notice("word", "info", t("Taking back"))
    _file(here).write_text(record["before"])


WORD = Mend("word", t("Write the right word"), _preview, _apply, _verify, _undo)
FINAL = Mend("final", t("For good"), _preview, _apply, _verify, _undo, reversible=False)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setitem(MENDS, "word", f"{__name__}:WORD")
    monkeypatch.setitem(MENDS, "final", f"{__name__}:FINAL")
    found = here_in(tmp_path)
    _file(found).write_text("ill")
    return found


def test_a_mend_is_shown_done_looked_at_kept_and_taken_back(here):
    shown = journal.preview(here, "word", {"word": "well"})
    assert [(str(each.what), each.before, each.after) for each in shown.changes] == [
        ("the word in word.txt", "ill", "well")
    ]
    assert _file(here).read_text() == "ill"
    events, mended = exhaust(journal.mend(here, "word", {"word": "well"}))
    assert [event.slug for event in events] == ["word"]
    assert (mended.number, mended.still) == (1, None)
    assert _file(here).read_text() == "well"
    (entry,) = journal.done(here)
    assert (entry.number, entry.name, entry.undone, entry.reversible) == (1, "word", False, True)
    assert entry.changes == (Change(t("the word in {file}", file="word.txt"), "ill", "well"),)
    exhaust(journal.undo(here, 1))
    assert _file(here).read_text() == "ill"
    assert journal.done(here)[0].undone


def test_what_is_still_wrong_is_said_and_the_way_back_is_there_all_the_same(here):
    _, mended = exhaust(journal.mend(here, "word", {"word": "worse"}))
    assert str(mended.still) == "It is not well."
    exhaust(journal.undo(here, mended.number))
    assert _file(here).read_text() == "ill"


def test_where_nothing_is_wrong_nothing_is_done(here):
    _file(here).write_text("well")
    assert journal.preview(here, "word", {"word": "well"}) is None
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.mend(here, "word", {"word": "well"}))
    assert caught.value.code == "nothing-to-mend"
    assert journal.done(here) == ()


def test_an_undo_after_another_change_refuses_and_can_be_tried_again(here):
    exhaust(journal.mend(here, "word", {"word": "well"}))
    _file(here).write_text("mine")
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.undo(here, 1))
    assert caught.value.code == "mend-changed-since"
    assert _file(here).read_text() == "mine"
    _file(here).write_text("well")
    exhaust(journal.undo(here, 1))
    assert _file(here).read_text() == "ill"


@pytest.mark.parametrize("number", [1, 7])
def test_what_was_taken_back_or_never_done_cannot_be_taken_back(here, number):
    exhaust(journal.mend(here, "word", {"word": "well"}))
    exhaust(journal.undo(here, 1))
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.undo(here, number))
    assert caught.value.code == ("mend-already-undone" if number == 1 else "no-such-mended")


def test_each_has_a_number_of_its_own(here):
    for word in ("a", "b", "c"):
        exhaust(journal.mend(here, "word", {"word": word}))
    assert [each.number for each in journal.done(here)] == [1, 2, 3]
    exhaust(journal.undo(here, 3))
    exhaust(journal.undo(here, 2))
    assert _file(here).read_text() == "a"


def test_what_is_done_for_good_is_not_taken_back(here):
    exhaust(journal.mend(here, "final", {"word": "well"}))
    assert not journal.done(here)[0].reversible
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.undo(here, 1))
    assert caught.value.code == "mend-final"
    assert _file(here).read_text() == "well"


def test_two_do_not_mend_at_once(here, monkeypatch):
    monkeypatch.setattr(journal, "_PATIENCE", 0.0)
    with only_one(here.workspace.state / "mends.lock", RuntimeError), pytest.raises(LauncherError) as caught:
        exhaust(journal.mend(here, "word", {"word": "well"}))
    assert caught.value.code == "mend-busy"
    assert _file(here).read_text() == "ill"


@pytest.mark.parametrize("text", ["", "[]", '{"mends": 3}', '{"mends": [{"number": "1"}, 4]}'])
def test_a_journal_that_cannot_be_understood_counts_for_nothing(here, text):
    here.workspace.state.mkdir(parents=True, exist_ok=True)
    (here.workspace.state / journal.FILE).write_text(text)
    assert journal.done(here) == ()
    _, mended = exhaust(journal.mend(here, "word", {"word": "well"}))
    assert mended.number == 1


def test_a_mend_of_another_version_is_listed_all_the_same(here):
    exhaust(journal.mend(here, "word", {"word": "well"}))
    file = here.workspace.state / journal.FILE
    kept = json.loads(file.read_text())
    kept["mends"][0]["name"] = "of-tomorrow"
    file.write_text(json.dumps(kept))
    (entry,) = journal.done(here)
    assert (str(entry.title), entry.reversible) == ("of-tomorrow", False)
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.undo(here, 1))
    assert caught.value.code == "no-such-mend"


def test_an_unknown_mend_names_those_there_are(here):
    with pytest.raises(LauncherError) as caught:
        journal.preview(here, "wrod", {})
    assert caught.value.code == "no-such-mend"
    assert "word" in str(caught.value.hint)


def test_every_mend_of_the_table_is_there_under_its_name():
    for name in MENDS:
        assert find_mend(name).name == name


def test_what_cannot_be_written_down_is_taken_back_at_once(here, monkeypatch):
    def full(path, record):
        raise NotWrittenError(path, OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(journal, "write_record", full)
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.mend(here, "word", {"word": "well"}))
    assert caught.value.code == "disk-full"
    assert _file(here).read_text() == "ill"


def test_a_report_holds_what_was_changed_and_not_the_way_back(here):
    exhaust(journal.mend(here, "word", {"word": "well"}))
    (told,) = report_sources._mends(cast("Any", SimpleNamespace(workspace=here.workspace)))
    assert told["name"] == "word"
    assert "record" not in told


def test_nothing_but_what_was_agreed_to_is_done(here):
    agreed = journal.preview(here, "word", {"word": "well"})
    _file(here).write_text("worse")
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.mend(here, "word", {"word": "well"}, None, agreed))
    assert caught.value.code == "mend-not-as-shown"
    assert _file(here).read_text() == "worse"
    agreed = journal.preview(here, "word", {"word": "well"})
    exhaust(journal.mend(here, "word", {"word": "well"}, None, agreed))
    assert _file(here).read_text() == "well"


@pytest.mark.parametrize("spoilt", [{"changes": [["x"]]}, {"record": {}}])
def test_an_entry_that_somebody_has_spoilt_breaks_nothing(here, spoilt):
    exhaust(journal.mend(here, "word", {"word": "well"}))
    file = here.workspace.state / journal.FILE
    file.write_text(json.dumps({"mends": [json.loads(file.read_text())["mends"][0] | spoilt]}))
    assert [each.number for each in journal.done(here)] == [1]
    if "record" in spoilt:
        with pytest.raises(LauncherError) as caught:
            exhaust(journal.undo(here, 1))
        assert caught.value.code == "mend-unknown"


def test_a_journal_that_cannot_be_read_is_kept_and_that_is_said(here):
    file = here.workspace.state / journal.FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('{"mends": [torn')
    events, _ = exhaust(journal.mend(here, "word", {"word": "well"}))
    assert "mends-kept" in [event.slug for event in events]
    assert '{"mends": [torn' in [each.read_text() for each in file.parent.glob("mends.*.json")]


def test_a_name_that_is_no_text_is_kept_as_it_is(tmp_path):
    write_record(tmp_path / "a.json", {"name": "79\udcff", "other": "模型"})
    assert read_record(tmp_path / "a.json") == {"name": "79\udcff", "other": "模型"}
