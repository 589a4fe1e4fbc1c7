"""The conversion as the launcher sees it, the engine's interpreter being a small script that talks as the real one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.core.download.part import beside
from launcher.core.errors import LauncherError
from launcher.core.events import Line, Progress
from launcher.core.file_lock import only_one
from launcher.core.models import convert as models_convert
from launcher.core.models.convert import convert
from launcher.core.models.linking import link
from launcher.core.paths import Workspace
from launcher.core.process import CancelledError
from tests.fakes.model_files import lora, write_safetensors, write_torch
from tests.launcher.core_decide.test_models import finished
from tests.launcher.core_decide.test_other_installs import A1111, tree

SAFETENSORS = """
import json, struct
def written(target, count):
    tensors = {str(n): {"dtype": "U8", "shape": [1], "data_offsets": [n, n + 1]} for n in range(count)}
    text = json.dumps(tensors).encode()
    open(target, "wb").write(struct.pack("<Q", len(text)) + text + bytes(count))
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "我的 画图 (新)")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the script `says` runs in place of runtime.engine.convert."""
    script = tmp_path / "engine.py"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nshift 2\nexec "{sys.executable}" "{script}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(models_convert, "current", lambda _: tmp_path)
    monkeypatch.setattr(models_convert, "interpreter", lambda _: python)
    return script


def says(script: Path, *lines: str) -> None:
    script.write_text(SAFETENSORS + "import sys\nsource, target = sys.argv[1:]\n" + "\n".join(lines))


def test_the_new_file_lies_beside_the_original(workspace: Workspace, engine: Path, tmp_path: Path) -> None:
    source = write_torch(tmp_path / "猫 '1'.ckpt", lora("sd1", layers=2))
    before = source.read_bytes()
    says(
        engine, "written(target, 6)", "print('a warning', file=sys.stderr)", "print('no json')",
        """print('{"done": 3, "total": 6}')""", """print('{"ok": true, "tensors": 6}')""",
    )  # fmt: skip
    events: list[object] = []
    found: list[Path] = []

    def whole() -> Iterator[object]:
        found.append((yield from convert(workspace, source)))

    events.extend(whole())
    assert found == [tmp_path / "猫 '1'.safetensors"]
    assert Progress("convert", 3, 6) in events
    assert Line("runtime", "a warning") in events
    assert source.read_bytes() == before


def test_nothing_is_put_into_a_linked_install(workspace: Workspace, engine: Path, tmp_path: Path) -> None:
    root = tree(tmp_path / "webui", *A1111)
    source = write_torch(root / "models/Lora/x.pt", lora("sd1", layers=2))
    link(workspace, root, outputs=False)
    says(engine, "written(target, 6)", """print('{"ok": true, "tensors": 6}')""")
    assert finished(convert(workspace, source)) == workspace.models / "Lora/x.safetensors"
    assert [path.name for path in source.parent.iterdir()] == ["x.pt"]


def test_a_wrong_ending_and_a_broken_file_are_said_in_sentences(
    workspace: Workspace, engine: Path, tmp_path: Path
) -> None:
    wrong = write_torch(tmp_path / "x.safetensors", lora("sd1", layers=2))
    page = tmp_path / "page.ckpt"
    page.write_bytes(b"<html>")
    for source, said in ((wrong, "under the ending"), (page, "web page")):
        with pytest.raises(LauncherError) as refused:
            finished(convert(workspace, source))
        assert said in str(refused.value.message)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["""print('{"ok": false, "code": "model-damaged", "message": "bad"}')""", "sys.exit(1)"], "model-damaged"),
        (["sys.exit(9)"], "convert-failed"),
        (["""print('{"ok": true, "tensors": 6}')"""], "convert-failed"),
        (["written(target, 5)", """print('{"ok": true, "tensors": 6}')"""], "convert-failed"),
        (["open(target, 'wb').write(b'junk')", """print('{"ok": true, "tensors": 6}')"""], "convert-failed"),
    ],
)
def test_what_went_wrong_is_said(
    lines: list[str], code: str, workspace: Workspace, engine: Path, tmp_path: Path
) -> None:
    source = write_torch(tmp_path / "x.ckpt", lora("sd1", layers=2))
    says(engine, *lines)
    with pytest.raises(LauncherError) as refused:
        list(convert(workspace, source))
    assert refused.value.code == code


def test_what_is_not_to_be_converted(workspace: Workspace, engine: Path, tmp_path: Path) -> None:
    says(engine, "sys.exit(1)")
    good = write_torch(tmp_path / "x.ckpt", lora("sd1", layers=1))
    write_safetensors(tmp_path / "x.safetensors", lora("sd1", layers=1))
    (tmp_path / "cut.ckpt").write_bytes(good.read_bytes()[:100])
    for path, code in (
        (good, "already-there"), (tmp_path / "x.safetensors", "not-a-pickle"), (tmp_path / "cut.ckpt", "not-a-model"),
        (tmp_path / "none.ckpt", "no-such-file"),
    ):  # fmt: skip
        with pytest.raises(LauncherError) as refused:
            list(convert(workspace, path))
        assert refused.value.code == code


def test_without_an_engine_it_is_said(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(LauncherError) as refused:
        list(convert(workspace, write_torch(tmp_path / "x.ckpt", lora("sd1", layers=1))))
    assert refused.value.code == "not-installed"


def test_what_a_stopped_engine_leaves_is_taken_away(workspace: Workspace, engine: Path, tmp_path: Path) -> None:
    source = write_torch(tmp_path / "x.ckpt", lora("sd1", layers=2))
    says(
        engine, "import os, time", "os.mkdir(os.path.join(os.path.dirname(target), '.x.safetensors.part'))",
        """print('{"done": 1, "total": 6}', flush=True)""", "time.sleep(60)",
    )  # fmt: skip
    cancel = threading.Event()
    work = convert(workspace, source, cancel=cancel)
    assert next(event for event in work if isinstance(event, Progress)).done == 1
    cancel.set()
    with pytest.raises(CancelledError):
        list(work)
    assert sorted(path.name for path in tmp_path.glob("*x.*")) == ["x.ckpt"]


def test_two_do_not_convert_one_file_at_once(workspace: Workspace, engine: Path, tmp_path: Path) -> None:
    source = write_torch(tmp_path / "x.pt", lora("sd1", layers=2))
    says(engine, "written(target, 6)", """print('{"ok": true, "tensors": 6}')""")
    lock = beside(source.with_suffix(".safetensors"), ".gesso-convert.lock")
    with only_one(lock, lambda _: AssertionError()), pytest.raises(LauncherError, match="convert-busy"):
        finished(convert(workspace, source))
    assert finished(convert(workspace, source)).is_file()
    assert {path.name for path in tmp_path.glob("*x*")} >= {"x.pt", "x.safetensors"}
    assert not list(tmp_path.glob("*.lock"))
