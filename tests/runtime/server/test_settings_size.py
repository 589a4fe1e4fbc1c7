"""Settings that nobody knows are kept, but not without end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime import options
from runtime.options import Options
from runtime.request import RequestError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(options, "_MOST", 20_000)
    return tmp_path / "config.json"


def test_what_is_kept_does_not_grow_without_end(file: Path) -> None:
    kept = Options(file)
    refused = []
    for number in range(100):
        changes = {f"of an extension {number}": [[] for _ in range(100)]}
        try:
            kept.check(changes)
            kept.update(changes)
        except RequestError as error:
            refused.append(error.code)
    assert set(refused) == {"settings-too-large"}
    assert len(refused) < 100
    assert file.stat().st_size <= 20_000, "as it is written, with its indents"
    kept.update({"jpeg_quality": 70, "of an extension 0": None})
    assert json.loads(file.read_text(encoding="utf-8"))["jpeg_quality"] == 70


@pytest.mark.parametrize("name", ["sd_vae", "nobody knows it"])
def test_one_value_is_not_longer_than_all_may_be(file: Path, name: str) -> None:
    kept = Options(file)
    for refuse in (kept.check, kept.update):
        with pytest.raises(RequestError) as refused:
            refuse({name: "x" * 20_000})
        assert refused.value.code == "settings-too-large"
    assert not file.exists()


def test_a_file_that_is_larger_already_may_shrink_and_the_server_writes_its_own(file: Path) -> None:
    file.write_text(json.dumps({"of an extension": "x" * 30_000, "jpeg_quality": 100}), encoding="utf-8")
    kept = Options(file)
    kept.update({"jpeg_quality": 9})
    with pytest.raises(RequestError):
        kept.update({"another": 1})
    kept.update({"sd_model_checkpoint": "model.safetensors"}, keep_frozen=False)
    found = json.loads(file.read_text(encoding="utf-8"))
    assert (found["jpeg_quality"], found["sd_model_checkpoint"]) == (9, "model.safetensors")
