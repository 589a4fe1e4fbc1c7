"""The process that reads pickles: what it may do to the one that asked it, by malice or by dying, is nothing."""

from __future__ import annotations

import ast
import json
import logging
import os
import struct
import sys
import warnings
from pathlib import Path

import psutil
import pytest
import torch

from runtime.engine.networks.embeddings import EmbeddingBook
from runtime.engine.pickled import read_pickled
from runtime.engine.pickles import reader as module
from runtime.engine.pickles.child import told
from runtime.engine.pickles.reader import CHILD, Reader, read_records
from runtime.request import RequestError
from tests.fakes.hostile_models import write_hostile

CHECKOUT = Path(__file__).resolve().parents[3]
#: a child whose reader of files does something else for files that say so
PLAIN = "import sys; sys.path.insert(0, sys.argv[1]); from runtime.engine.pickles import child\n"


def child_that(does: str) -> list[str]:
    """As the real one, but for a file that begins with `!`; `source` is the file."""
    body = "".join(f"        {line}\n" for line in does.splitlines())
    code = (
        f"{PLAIN}plain = child.read_torch_file\n"
        f"def read(source):\n    if source[:1] == b'!':\n{body}    return plain(source)\n"
        "child.read_torch_file = read\nchild.main()"
    )
    return [*CHILD[:4], code, str(CHECKOUT)]


def liar(*said: bytes) -> list[str]:
    """A child that says this for its first file, whatever is in it."""
    hello = b"=" + struct.pack("<Q", 2) + b"{}"
    code = f"import os\nos.write(1, {hello!r})\nos.read(0, 8)\nfor part in {said!r}: os.write(1, part)"
    return [sys.executable, "-I", "-S", "-c", code]


def answer(text: bytes) -> bytes:
    return b"=" + struct.pack("<Q", len(text)) + text


def good(path: Path, number: float = 1.0) -> Path:
    torch.save({"a": torch.full((3,), number)}, path)
    return path


def bad(path: Path) -> Path:
    path.write_bytes(b"!" + bytes(50))
    return path


@pytest.fixture(autouse=True)
def no_child_is_left():
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    yield
    left = [one for one in psutil.Process().children(recursive=True) if one.pid not in before]
    assert not left, [one.cmdline() for one in left]


def test_hostile_files_are_told_the_same_behind_the_fences(tmp_path: Path) -> None:
    """What is imported late, or asked of the system, would be missing there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        files = list(write_hostile(tmp_path, tmp_path / "canary"))
    with Reader() as reader:
        wrong = [path.name for path in files if reader.read(path)[1] != json.loads(json.dumps(told(path.read_bytes())))]
    assert wrong == []
    assert len(files) >= 164
    assert not list(tmp_path.glob("canary*"))


@pytest.mark.parametrize("old", [False, True])
def test_numbers_come_from_the_file_that_was_read(tmp_path: Path, old: bool) -> None:
    path = tmp_path / "a.pt"
    torch.save({"a": torch.arange(6).reshape(2, 3).t()}, path, _use_new_zipfile_serialization=not old)
    records = read_records(path, "file")
    assert torch.equal(read_pickled(path)["a"], torch.arange(6).reshape(2, 3).t())
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(RequestError, match="written to while"), records.file():
        pass


def test_a_file_is_read_by_its_own_process_and_many_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    real = module.subprocess.Popen
    monkeypatch.setattr(module.subprocess, "Popen", lambda *a, **k: started.append(a[0]) or real(*a, **k))
    for number in range(3):
        torch.save({"emb_params": torch.ones(1, 8)}, tmp_path / f"{number}.pt")
        assert read_pickled(tmp_path / f"{number}.pt")
    assert started == [CHILD] * 3
    book = EmbeddingBook()
    assert book.look((tmp_path,), [8])
    assert len(book.loaded) == 3
    assert started == [CHILD] * 4


def test_the_same_file_is_asked_about_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = good(tmp_path / "a.ckpt", 1)
    assert read_pickled(path)["a"][0] == 1
    with monkeypatch.context() as patched:
        patched.setattr(module.subprocess, "Popen", None)
        assert read_pickled(path)["a"][0] == 1
    good(path, 2)
    os.utime(path, ns=(1, 1))
    assert read_pickled(path)["a"][0] == 2


DEATHS = {
    "ends": "import os; os._exit(3)",
    "crashes": "import os; os.abort()",
    "closes its pipe": "import os; os.close(1); os._exit(0)",
}


@pytest.mark.parametrize("does", DEATHS.values(), ids=DEATHS.keys())
def test_a_child_that_dies_costs_one_file(tmp_path: Path, does: str) -> None:
    """The next file has a new one; a file that a used child died of is asked about once more."""
    with Reader(child_that(does)) as reader:
        assert "nodes" in reader.read(good(tmp_path / "a.pt"))[1]
        with pytest.raises(RequestError, match="its reader ended") as refused:
            read_records(bad(tmp_path / "b.pt"), "network", reader)
        assert refused.value.code == "network-unreadable"
        assert "nodes" in reader.read(good(tmp_path / "c.pt"))[1]


def test_a_child_that_hangs_is_given_up(tmp_path: Path) -> None:
    with Reader(child_that("import os; os.read(0, 1)"), seconds=2) as reader, pytest.raises(OSError, match="2 sec"):
        reader.read(bad(tmp_path / "a.pt"))


def test_a_child_that_somebody_kills_is_replaced(tmp_path: Path) -> None:
    with Reader() as reader:
        reader.read(good(tmp_path / "a.pt"))
        reader._child._process.kill()
        assert "nodes" in reader.read(good(tmp_path / "b.pt"))[1]


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and time are the system's")
@pytest.mark.parametrize(("does", "told"), [("bytearray(1 << 40)", "memory"), ("[0] * (1 << 28)", "memory")])
def test_memory_has_an_end(tmp_path: Path, does: str, told: str) -> None:
    with Reader(child_that(does)) as reader:
        with pytest.raises(RequestError) as refused:
            read_records(bad(tmp_path / "a.pt"), "file", reader)
        assert refused.value.code == "out-of-memory"
        assert "nodes" in reader.read(good(tmp_path / "b.pt"))[1]


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and time are the system's")
def test_time_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = child_that("while True: pass")
    command[4] = command[4].replace(
        "child.main()", ("from runtime.engine.pickles.confinement import limits\nlimits.SECONDS = 1\nchild.main()")
    )
    with Reader(command) as reader, pytest.raises(OSError, match="calculated too long"):
        reader.read(bad(tmp_path / "a.pt"))


def node(
    kind: str = "float32",
    shape: object = (2,),
    strides: object = (1,),
    offset: object = 0,
    stored: str = "float32",
    start: object = 0,
    count: object = 2,
) -> bytes:
    made = {
        "root": [0],
        "nodes": [["dict", ["a", [1]]], ["tensor", kind, shape, strides, offset, stored, start, count]],
    }
    return answer(json.dumps(made).encode())


LIES = {
    "outside": node(start=10**6), "before": node(start=-8), "longer": node(count=10**9),
    "a shape of text": node(shape="ab"), "sides below nothing": node(shape=(-2,)), "strides": node(strides=(10**9,)),
    "a place of text": node(start="0"), "a type": node(kind="object"), "parts": node(start=0.5),
    "true": node(count=True),
    "more than it is": node(shape=(2,) * 60, strides=(0,) * 60),
    "no node": answer(b'{"root": [5], "nodes": []}'),
    "a node before": answer(b'{"root": [-1], "nodes": [["dict", []]]}'),
    "a key": answer(b'{"root": [0], "nodes": [["dict", [[0], 1]]]}'),
    "half a pair": answer(b'{"root":[0],"nodes":[["dict",[1]]]}'),
    "a kind": answer(b'{"root": [0], "nodes": [["call", "os.system"]]}'),
    "an object": answer(b'{"root": {}, "nodes": []}'),
    "nothing": answer(b"{}"), "a list": answer(b"[]"), "no JSON": answer(b"\x80\x04."), "deep": answer(b"[" * 100_000),
    "a mark": b"!" + bytes(100), "a long answer": b"=" + struct.pack("<Q", 1 << 60),
    "half an answer": b"=" + struct.pack("<Q", 100) + b"{",
    "a far question": b"?" + struct.pack("<QQ", (1 << 64) - 1, 8),
    "a large question": b"?" + struct.pack("<QQ", 0, 1 << 62),
    "a question behind the end": b"?" + struct.pack("<QQ", 10**6, 10),
    "an error that is none": answer(b'{"damaged": ["\\u001b[31m", {}], "x": 1}'),
}  # fmt: skip


@pytest.mark.parametrize("said", LIES.values(), ids=LIES.keys())
def test_a_child_is_not_believed(tmp_path: Path, said: bytes) -> None:
    path = good(tmp_path / "a.pt")
    with Reader(liar(said), seconds=60) as reader, pytest.raises(RequestError) as refused:
        read_pickled(path, "file", reader)
    assert refused.value.code == ("file-unreadable" if said == LIES["half an answer"] else "file-damaged")
    assert len(refused.value.message) < 500


def test_questions_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_ASKED", 100_000)
    asked = struct.pack("<QQ", 0, 1000)
    code = (
        f"import os\nos.write(1, b'=' + {struct.pack('<Q', 2)!r} + b'{{}}')\nos.read(0, 8)\n"
        f"while True:\n    os.write(1, b'?' + {asked!r})\n    os.read(0, 1000)"
    )
    path = good(tmp_path / "a.pt")
    with (
        Reader([sys.executable, "-I", "-S", "-c", code]) as reader,
        pytest.raises(RequestError, match="too many bytes"),
    ):
        read_records(path, "file", reader)


def test_where_no_process_can_be_started_nothing_is_read(tmp_path: Path) -> None:
    with (
        Reader(["/nowhere/python"]) as reader,
        pytest.raises(RequestError, match="no process can be started") as refused,
    ):
        read_records(good(tmp_path / "a.pt"), "file", reader)
    assert refused.value.code == "file-unreadable"


def test_a_system_without_a_sandbox_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    module._tell_once.cache_clear()
    code = (
        f"{PLAIN}child.confine = lambda: {{'fences': ['limits'], 'refused': ['seccomp: no \\x1b[31m']}}\nchild.main()"
    )
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with Reader([*CHILD[:4], code, str(CHECKOUT)]) as reader:
                assert "nodes" in reader.read(good(tmp_path / "a.pt"))[1]
    said = [one for one in caplog.messages if "without the system's sandbox" in one]
    assert len(said) == 1
    assert "seccomp" in said[0]
    module._tell_once.cache_clear()


def test_the_child_imports_little_and_no_torch() -> None:
    import subprocess

    code = CHILD[4].replace("main()", "print(*sys.modules)")
    run = subprocess.run([*CHILD[:4], code, CHILD[5]], capture_output=True, text=True, check=True, timeout=600)
    loaded = set(run.stdout.split())
    assert not {name for name in loaded if name.split(".")[0] in ("torch", "numpy", "socket", "subprocess")}
    parts = ("child", "confinement", "records", "sketches", "torch_file", "torch_globals", "unpickle")
    rooms = {"runtime", "runtime.engine", "runtime.engine.pickles"}
    known = rooms | {f"runtime.engine.pickles.{name}" for name in parts}
    assert {name for name in loaded if name.startswith("runtime")} <= known


def test_nothing_of_ours_loads_a_pickle_by_other_ways() -> None:
    """Not torch's and NumPy's loaders, nor the hubs'."""
    loaders = ("torch.load", "torch.hub", "torch.jit.load", "numpy.load", "np.load", "pickle.", "marshal.", "shelve.")
    found = []
    for folder in ("launcher", "runtime"):
        for file in sorted((CHECKOUT / folder).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            words = (*loaders, "trust_remote_code", "weights_only", "allow_pickle")
            for one in ast.walk(ast.parse(text)) if any(word in text for word in words) else ():
                if isinstance(one, ast.Attribute) and ast.unparse(one).startswith(loaders):
                    found.append(f"{file.relative_to(CHECKOUT)}:{one.lineno} {ast.unparse(one)}")
                if isinstance(one, ast.keyword) and one.arg in ("trust_remote_code", "weights_only", "allow_pickle"):
                    found.append(f"{file.relative_to(CHECKOUT)}:{one.value.lineno} {one.arg}")
    assert found == []
