"""torch's own files: what was saved comes back, nothing in them is executed, and no damage is more than an error."""

import collections
import io
import os
import pickle
import random
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from runtime.engine import pickled
from runtime.engine.outline import read_outline, state_of
from runtime.engine.pickles import torch_file
from runtime.engine.pickles.sketches import Inert
from runtime.engine.tensors import open_tensors, read_tensors
from runtime.request import RequestError
from tests.runtime.engine.read_here import Here

FORMATS = pytest.mark.parametrize("as_zip", [True, False])


def read_pickled(path: Path, kind: str = "file"):
    return pickled.read_pickled(path, kind, Here())


class Stranger:
    """A class that the reader has never heard of."""

    def __init__(self) -> None:
        self.secret = [1, 2]


class Calls:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function, *arguments) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def save(path: Path, value: object, as_zip: bool = True) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=as_zip)
    return path


def some_tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    kinds = (
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int8,
        torch.uint8,
        torch.bool,
    )
    found = {f"of {kind}": (torch.randn(3, 5) * 9).to(kind) for kind in kinds}
    base = torch.randn(6, 4)
    return found | {
        "turned": base.t(),
        "part": base[2:5, 1:3],
        "number": torch.tensor(3.5),
        "nothing": torch.empty(0, 4),
        "brackets": torch.randn(1, 1, 1),
    }


@FORMATS
def test_tensors_of_every_kind_come_back(tmp_path, as_zip):
    saved = some_tensors()
    read = read_pickled(save(tmp_path / "t.pt", saved, as_zip))
    assert list(read) == list(saved)
    for name, tensor in saved.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor), name


@FORMATS
def test_eight_bit_floats_come_back(tmp_path, as_zip):
    saved = torch.randn(8).to(torch.float8_e4m3fn)
    read = read_pickled(save(tmp_path / "t.pt", {"a": saved}, as_zip))["a"]
    assert torch.equal(read.float(), saved.float())


@FORMATS
def test_what_training_leaves_in_a_file(tmp_path, as_zip):
    saved = {
        "state_dict": collections.OrderedDict(weight=torch.nn.Parameter(torch.ones(2, 3)), bias=torch.zeros(3)),
        "string_to_param": torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.full((2, 4), 7.0))}),
        "global_step": 470000,
        "loss": np.float64(0.25),
        "callbacks": {Stranger: {"best": Stranger()}},
        "sizes": torch.Size([3, 4]),
        "betas": (0.9, 0.999),
        "name": "名字",
    }
    read = read_pickled(save(tmp_path / "m.ckpt", saved, as_zip))
    assert torch.equal(read["state_dict"]["weight"], torch.ones(2, 3))
    assert torch.equal(read["string_to_param"]["*"], torch.full((2, 4), 7.0))
    assert (read["global_step"], read["loss"], read["sizes"]) == (470000, 0.25, [3, 4])
    assert (read["betas"], read["name"]) == ([0.9, 0.999], "名字")
    ((stranger, inner),) = read["callbacks"].items()
    assert isinstance(stranger, Inert)
    assert stranger.name.endswith("Stranger")
    assert isinstance(inner["best"], Inert)


def test_the_weights_are_found_where_trainers_put_them(tmp_path):
    weights = {"a": torch.ones(2), "b": torch.zeros(2, 3)}
    for wrapped in (weights, {"state_dict": weights, "epoch": torch.ones(1)}, {"params_ema": weights, "params": {}}):
        path = save(tmp_path / "w.pth", wrapped)
        assert read_outline(path).tensors == {"a": ("F32", (2,)), "b": ("F32", (2, 3))}
        with open_tensors(path) as opened:
            assert torch.equal(opened.get("a"), weights["a"])
    assert state_of({"params": 3, "x": torch.ones(1)}, torch.Tensor).keys() == {"x"}


def test_either_format_is_told_by_its_content(tmp_path, checkpoint_file):
    disguised = tmp_path / "really.ckpt"
    disguised.write_bytes(checkpoint_file.read_bytes())
    tensors, metadata = read_tensors(disguised)
    assert metadata["modelspec.title"] == "Tiny"
    save(tmp_path / "pickled.safetensors", tensors)
    again, _ = read_tensors(tmp_path / "pickled.safetensors")
    assert all(torch.equal(again[name], tensor) for name, tensor in tensors.items())


def test_tensors_outlive_their_file(tmp_path):
    path = save(tmp_path / "t.pt", {"a": torch.arange(100_000)})
    read = read_pickled(path)["a"]
    os.truncate(path, 10)
    assert torch.equal(read, torch.arange(100_000))


@FORMATS
@pytest.mark.parametrize("depth", [0, 1])
def test_nothing_is_executed(tmp_path, as_zip, depth):
    marker = tmp_path / "executed"
    calls = [
        Calls(os.system, f"touch '{marker}'"),
        Calls(eval, f"open({str(marker)!r}, 'w')"),
        Calls(exec, f"open({str(marker)!r}, 'w')"),
        Calls(getattr, Calls(__import__, "os"), "system"),
        Calls(open, str(marker), "w"),
        Calls(torch.nn.Linear, 2, 2),
        Calls(pickle.loads, pickle.dumps(Calls(open, str(marker), "w"))),
    ]
    value = {"x": torch.ones(1), "y": [{"z": calls}]} if depth else {"x": torch.ones(1), "calls": calls}
    read = read_pickled(save(tmp_path / "bad.ckpt", value, as_zip))
    assert torch.equal(read["x"], torch.ones(1))
    assert not marker.exists()
    inert = read["y"][0]["z"] if depth else read["calls"]
    assert all(isinstance(one, Inert) for one in inert)


def refused(path: Path) -> str:
    with pytest.raises(RequestError) as error:
        read_pickled(path, "file")
    assert path.name in error.value.message
    return error.value.code


def crafted(path: Path, structure: bytes, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", structure)
        for name, data in entries.items():
            archive.writestr(f"archive/data/{name}", data)
    return path


def a_tensor(shape: tuple, strides: tuple, offset: int = 0, count: int = 4) -> bytes:
    """A pickle of {"a": tensor} written by hand, so that its numbers may lie."""

    class Writer(pickle.Pickler):
        def persistent_id(self, value):
            return ("storage", torch.FloatStorage, "0", "cpu", count) if value == "STORAGE" else None

    out = io.BytesIO()
    call = Calls(torch._utils._rebuild_tensor_v2, "STORAGE", offset, shape, strides, False, collections.OrderedDict())
    Writer(out, protocol=2).dump({"a": call})
    return out.getvalue()


def test_a_crafted_tensor_is_read_where_its_numbers_are_true(tmp_path):
    data = struct.pack("<4f", 1, 2, 3, 4)
    path = crafted(tmp_path / "t.pt", a_tensor((2, 2), (2, 1)), **{"0": data})
    assert read_pickled(path)["a"].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "structure",
    [
        a_tensor((5,), (1,)),
        a_tensor((2, 2), (4, 1)),
        a_tensor((2,), (1,), offset=3),
        a_tensor((2,), (-1,), offset=3),
        a_tensor((2,), (1,), offset=-1),
        a_tensor((10**9, 10**9), (0, 0)),
        a_tensor((2,) * 20, (0,) * 20),
        a_tensor((2.0,), (1,)),
        a_tensor((2,), (1,), count=10**12),
        a_tensor((2,), (1,), count=-1),
        a_tensor("ab", (1,)),
        b"\x80\x02" + b"(" * 100_000 + b".",
        b"\x80\x02}" + b"(]K\x01s.",
        b"\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x02U\x05ab.",
        b"\x80\x02cposix\nsystem\n.",
        b"\x80\x02]" + b"\x85" * 200_000 + b".",
        b"\x80\x02}]K\x01s.",
        b"I" + b"9" * 1_000_000 + b"\n.",
        b"",
        b"\x80",
        b".",
    ],
)  # fmt: skip
def test_a_structure_that_lies_is_refused(tmp_path, structure):
    path = crafted(tmp_path / "lie.pt", structure, **{"0": struct.pack("<4f", 1, 2, 3, 4)})
    assert refused(path) in ("file-damaged", "file-not-a-model")


def test_the_same_numbers_over_and_over_are_refused(tmp_path):
    one = torch.ones(100_000)
    path = save(tmp_path / "many.pt", {str(k): one.view(-1) for k in range(100)})
    assert refused(path) == "file-damaged"


#: a list of 20,000 pairs, and a dictionary of as many entries, for `h\x01`
PAIRS = b"](" + b"".join(b"X\x05\x00\x00\x00%05dK\x01\x86" % k for k in range(20_000)) + b"eq\x010"
ENTRIES = b"}(" + b"".join(b"X\x05\x00\x00\x00%05dK\x01" % k for k in range(20_000)) + b"uq\x010"
PARAMETERS = ENTRIES + b"}X\x0b\x00\x00\x00_parametersh\x01sq\x030"
BOMBS = {
    "text": b"X\x40\x42\x0f\x00" + b"a" * 1_000_000 + b"q\x010](c_codecs\nencode\nq\x02" + b"h\x02h\x01\x85R" * 100,
    "sizes": b"](" + b"K\x01" * 20_000 + b"eq\x010](ctorch\nSize\nq\x02" + b"h\x02h\x01\x85R" * 500,
    "pairs": PAIRS + b"](ccollections\nOrderedDict\nq\x02" + b"h\x02h\x01\x85R" * 500,
    "parameters": PARAMETERS + b"](ctorch.nn.modules.container\nParameterDict\nq\x02" + b"h\x02)Rh\x03b" * 500,
    "arguments": b"(" + b"K\x01" * 20_000 + b"tq\x010](ccollections\ndefaultdict\nq\x02" + b"h\x02h\x01R" * 500,
}


@FORMATS
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_small_structure_that_makes_much_is_refused(tmp_path, as_zip, bomb):
    structure, path = b"\x80\x02" + bomb + b"e.", tmp_path / "bomb.pt"
    if as_zip:
        crafted(path, structure)
    else:
        heads = b"".join(pickle.dumps(head, 2) for head in (0x1950A86A20F9469CFC6C, 1001, {}))
        path.write_bytes(heads + structure + pickle.dumps([], 2))
    tracemalloc.start()
    try:
        assert refused(path) == "file-damaged"
        # far below what it would have made: 500 times 20,000 elements, or 100 million letters
        assert tracemalloc.get_traced_memory()[1] < 12 * path.stat().st_size + 15_000_000
    finally:
        tracemalloc.stop()


def test_too_many_operations_are_refused(tmp_path):
    assert refused(crafted(tmp_path / "long.pt", b"\x80\x02](" + b"N" * 1_000_001 + b"e.")) == "file-damaged"


def test_what_is_shared_is_never_spelled_out(tmp_path):
    """60 lists that hold the one before twice: 2 to the 60th elements for whoever walks through them."""
    nested = b"]q\x000" + b"".join(
        b"](h" + bytes([k]) + b"h" + bytes([k]) + b"eq" + bytes([k + 1]) + b"0" for k in range(60)
    )
    called = b"cnumpy\ndtype\nh\x3c\x85R" + b"cposix\nsystem\nh\x3c\x85R"
    path = crafted(tmp_path / "shared.pt", b"\x80\x02" + nested + b"}" + called + b"s.")
    (key, value), *_ = read_pickled(path).items()
    assert "numpy" not in str(key) + str(value)
    assert read_outline(path).tensors == {}


def test_keys_that_are_made_to_collide_are_told_apart(tmp_path):
    numbers = {k * (2**61 - 1): k for k in range(1, 100)} | {(-1, -2): 100, (-2, -1): 101}
    read = read_pickled(save(tmp_path / "k.pt", numbers))
    assert list(read.values()) == [*range(1, 102)]
    assert len({hash(key) for key in read}) == len(read)
    assert read_pickled(save(tmp_path / "s.pt", {320: 1, -7: 2, None: 3}))[320] == 1


def test_a_directory_without_end_is_refused(tmp_path, monkeypatch):
    path = save(tmp_path / "t.pt", some_tensors())
    monkeypatch.setattr(torch_file, "LARGEST_DIRECTORY", 500)
    assert refused(path) == "file-damaged"


def test_a_large_trainings_checkpoint_is_far_below_every_limit(tmp_path):
    """As many tensors as SDXL with an averaged copy and an optimizer's two states."""
    one = torch.zeros(1, 1)
    weights = {f"model.diffusion_model.output_blocks.{k}.transformer_blocks.weight": one for k in range(5_000)}
    states = {k: {"step": torch.tensor(1.0), "exp_avg": one, "exp_avg_sq": one} for k in range(1_680)}
    path = save(tmp_path / "t.ckpt", {"state_dict": weights, "optimizer_states": [{"state": states}]})
    assert len(read_outline(path).tensors) == 5_000


def test_a_compressed_archive_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x00" * 10_000_000)
    assert refused(tmp_path / "bomb.pt") == "file-damaged"


def test_depth_and_far_places_of_the_memo_do_no_harm(tmp_path):
    path = crafted(tmp_path / "far.pt", b"\x80\x02}r\xff\xff\xff\x7f.")
    assert read_pickled(path) == {}
    path = crafted(tmp_path / "deep.pt", b"\x80\x02}K\x01" + b"]" * 200_000 + b"a" * 199_999 + b"s.")
    assert isinstance(read_pickled(path)[1], list)
    path = crafted(tmp_path / "key.pt", b"\x80\x02}]" + b"\x85" * 200_000 + b"K\x01s.")
    assert list(read_pickled(path).values()) == [1]


@FORMATS
def test_every_cut_is_refused(tmp_path, as_zip):
    whole = save(tmp_path / "w.pt", some_tensors(), as_zip).read_bytes()
    for share in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999):
        (tmp_path / "cut.pt").write_bytes(whole[: int(len(whole) * share)])
        assert refused(tmp_path / "cut.pt") in ("file-truncated", "file-damaged")


@FORMATS
def test_random_damage_is_an_error_or_nothing(tmp_path, as_zip):
    """A changed byte may hit a number or a name, which nobody can tell; it never raises anything else."""
    whole = save(tmp_path / "w.pt", {"state_dict": some_tensors(), "other": Stranger()}, as_zip).read_bytes()
    dice, path, errors = random.Random(7), tmp_path / "damaged.pt", 0
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 1, 3, 20))):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged)
        try:
            read_pickled(path)
        except RequestError:
            errors += 1
    assert errors > 40


def test_what_is_no_torch_file_is_said(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"")
    (tmp_path / "b.pt").write_bytes(b"<!DOCTYPE html><html>")
    (tmp_path / "c.pt").write_bytes(pickle.dumps([1, 2, 3]))
    codes = []
    for name in ("a.pt", "b.pt", "c.pt", "gone.pt"):
        with pytest.raises(RequestError) as error:
            read_tensors(tmp_path / name, "vae")
        codes.append(error.value.code)
    assert codes == ["vae-empty", "vae-is-web-page", "vae-damaged", "vae-missing"]
