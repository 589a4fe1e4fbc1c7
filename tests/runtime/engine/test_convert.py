"""A torch file as safetensors: every bit the same, nothing in it run, the original as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from runtime.engine.convert import convert, main
from runtime.request import RequestError


class Payload:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple:
        return os.system, (f"touch '{self.canary}'",)


def tensors() -> dict[str, torch.Tensor]:
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    return {
        "half": torch.tensor([1.0, float("nan"), float("inf")]).half(),
        "bf16": torch.ones(3, dtype=torch.bfloat16),
        "ids": torch.arange(77)[None],
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 4),
        "turned": base.T,
        "view": base[1:3],
        "tied": base,
    }


@pytest.mark.parametrize("old", [False, True])
def test_every_bit_is_the_same(old: bool, tmp_path: Path) -> None:
    source, target = tmp_path / "猫.ckpt", tmp_path / "猫.safetensors"
    wanted = tensors()
    torch.save({"state_dict": wanted, "epoch": 3}, source, _use_new_zipfile_serialization=not old)
    before, said = source.read_bytes(), []
    assert convert(source, target, said.append) == len(wanted)
    found = load_file(target)
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape)
        same = found[name].contiguous().reshape(-1).view(torch.uint8)
        assert torch.equal(same, tensor.contiguous().reshape(-1).view(torch.uint8)), name
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["猫.ckpt", "猫.safetensors"]


def test_nothing_in_it_is_run(tmp_path: Path) -> None:
    source = tmp_path / "evil.ckpt"
    torch.save({"a": torch.ones(2), "run": Payload(tmp_path / "canary")}, source)
    assert convert(source, tmp_path / "out.safetensors", print) == 1
    assert not (tmp_path / "canary").exists()


def test_what_cannot_be_converted_leaves_nothing(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2000)}, tmp_path / "whole.ckpt")
    torch.save({"nothing": 1}, tmp_path / "none.ckpt")
    (tmp_path / "cut.ckpt").write_bytes((tmp_path / "whole.ckpt").read_bytes()[:3000])
    (tmp_path / "there.safetensors").write_bytes(b"mine")
    for source, target, code in (
        ("none.ckpt", "out.safetensors", "model-not-a-model"), ("cut.ckpt", "out.safetensors", "model-truncated"),
        ("gone.ckpt", "out.safetensors", "model-missing"), ("whole.ckpt", "there.safetensors", "already-there"),
        ("whole.ckpt", "nowhere/out.safetensors", "cannot-save"),
    ):  # fmt: skip
        with pytest.raises(RequestError) as refused:
            convert(tmp_path / source, tmp_path / target, print)
        assert refused.value.code == code
    assert (tmp_path / "there.safetensors").read_bytes() == b"mine"
    assert not list(tmp_path.glob("*.part"))


def test_it_answers_in_lines_of_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "x.ckpt")
    assert main([str(tmp_path / "x.ckpt"), str(tmp_path / "x.safetensors")]) == 0
    assert main([str(tmp_path / "x.ckpt"), str(tmp_path / "x.safetensors")]) == 1
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first == {"ok": True, "tensors": 1}
    assert (second["ok"], second["code"]) == (False, "already-there")


def test_the_launcher_calls_it_by_this_name(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "runtime.engine.convert", str(tmp_path / "none.ckpt"), str(tmp_path / "x")]
    answer = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert json.loads(answer.stdout)["ok"] is False


MEASURED = """
import json, re, sys
from pathlib import Path
from runtime.engine.convert import convert
convert(Path(sys.argv[1]), Path(sys.argv[2]), lambda told: print(json.dumps(told)))
assert "torch" not in sys.modules
print(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of its measure is Linux'")
def test_it_takes_the_memory_of_a_piece(tmp_path: Path) -> None:
    torch.save({str(k): torch.full((8, 1024, 1024), k, dtype=torch.float32) for k in range(8)}, tmp_path / "x.ckpt")
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "x.ckpt"), str(tmp_path / "x.safetensors")]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert run.returncode == 0, run.stderr
    told = run.stdout.splitlines()
    assert json.loads(told[0]) == {"done": 256 << 20, "total": 256 << 20}
    assert int(told[-1]) < 100 * 1024, "KiB, for 256 MiB of numbers"


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on files is POSIX'")
def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1 << 20)}, tmp_path / "x.ckpt")
    code = (
        "import resource, signal, sys\nfrom runtime.engine.convert import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\nsys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "x.ckpt"), str(tmp_path / "x.safetensors")]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert run.returncode == 1
    assert json.loads(run.stdout)["code"] == "cannot-save"
    assert [path.name for path in tmp_path.iterdir()] == ["x.ckpt"]


def test_a_file_that_changes_meanwhile_is_not_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.engine import convert as module

    path = tmp_path / "x.ckpt"
    torch.save({"a": torch.ones(9)}, path)
    plain = module.read_outline
    monkeypatch.setattr(module, "read_outline", lambda *given: (plain(*given), path.write_bytes(b"other"))[0])
    with pytest.raises(RequestError, match="written to while"):
        convert(path, tmp_path / "x.safetensors", print)
    assert [one.name for one in tmp_path.iterdir()] == ["x.ckpt"]
