"""Pickles in disguise: whatever form a global has, what runs commands is named, and tensors keep their names."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from launcher.core.models.facts import describe
from launcher.core.models.kind import judge
from launcher.core.models.outline import read_outline
from tests.fakes.model_files import (
    lora,
    write_torch,
)


def said(text: str) -> bytes:
    """A text as protocol 4 writes it, with its place in the memo."""
    return b"\x8c" + bytes([len(text)]) + text.encode() + b"\x94"


def archive(path: Path, structure: bytes, **more: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr("a/data.pkl", b"\x80\x04" + structure + b".")
        for name, data in more.items():
            file.writestr(f"a/data/{name.strip('_')}", data)
    return path


RUN = b"\x93" + said("true") + b"\x85R"


@pytest.mark.parametrize(
    "structure",
    [
        said("os") + said("system") + RUN,
        said("torch.serialization") + said("os.system") + RUN,
        said("diffusers.utils") + said("os.system") + RUN,
        said("torch.nn") + said("modules.aliased.Popen") + RUN,
        b"\x8c\x02osp0\n\x8c\x06systemp1\n" + RUN,
        b"S'os'\nS\"system\"\n" + RUN,
        b"S'\\x6fs'\nS'system'\n" + RUN,
        b"V\\u006fs\nVsystem\n" + RUN,
        b"ctorch.nn\nmodules.os.system\n" + RUN[1:],
        # the text that the stack really has lies below what was taken away
        said("os") + said("system") + said("x") + b"0" + RUN,
        said("os") + said("x") + b"0\x94h\x02" + said("system") + RUN,
        b"\x82\x01" + RUN[1:],
    ],
)
def test_a_disguise_does_not_hide_what_runs_commands(structure: bytes, tmp_path: Path) -> None:
    facts = describe(read_outline(archive(tmp_path / "x.pt", structure)), "x.pt")
    assert [one.code for one in facts.problems][:1] == ["dangerous"]


def test_what_every_reader_of_old_files_loads_first_is_looked_at(tmp_path: Path) -> None:
    old = write_torch(tmp_path / "x.pt", lora("sd1", layers=1), old=True).read_bytes()
    place = old.index(b".", 15) + 1
    spoilt = old[:place] + b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R." + old[old.index(b".", place) + 1 :]
    (tmp_path / "y.pt").write_bytes(spoilt)
    assert read_outline(tmp_path / "x.pt").strange.dangerous == ()
    assert read_outline(tmp_path / "y.pt").strange.dangerous == ("os.system",)


@pytest.mark.parametrize(
    ("module", "name", "code"),
    [
        ("torch.nn.modules.conv", "Conv2d", None),
        ("pytorch_lightning.callbacks", "ModelCheckpoint", None),
        ("torch.nn", "Module.Inner", "unusual"),
        ("numpy.testing", "runstring", "unusual"),
        ("torch.storage", "_load_from_bytes", "unusual"),
    ],
)
def test_what_weights_have_no_need_of_is_said(module: str, name: str, code: str | None, tmp_path: Path) -> None:
    structure = said(module) + said(name) + b"\x93)R"
    facts = describe(read_outline(archive(tmp_path / "x.pt", structure)), "x.pt")
    assert [one.code for one in facts.problems] == [*([code] if code else []), "no-weights"]


def test_tensors_of_protocol_4_have_their_own_names(tmp_path: Path) -> None:
    def tensor(rebuild: bytes, storage: bytes, key: str) -> bytes:
        numbers = b"K\x00K\x40K\x03K\x03K\x03"
        shape = numbers[:2] + b"(" + numbers[2:] + b"t\x94(K\x1bK\x09K\x03K\x01t\x94\x89)R"
        where = b"((" + said("storage") + storage + said(key) + said("cpu") + b"M\xc0\x06t\x94Q"
        return rebuild + where + shape + b"t\x94R\x94"

    rebuild = said("torch._utils") + said("_rebuild_tensor_v2") + b"\x93\x94"
    storage = said("torch") + said("FloatStorage") + b"\x93\x94"
    structure = b"}\x94(" + said("conv_first.weight") + tensor(rebuild, storage, "0")
    structure += said("other") + tensor(b"h\x04", b"h\x08", "1") + b"u"
    found = read_outline(archive(tmp_path / "x.pth", structure, _0=bytes(6912), _1=bytes(6912)))
    assert found.tensors == dict.fromkeys(("conv_first.weight", "other"), ("F32", (64, 3, 3, 3)))
    assert judge(found).kind == "upscaler"


def test_the_weights_count_where_one_key_names_two_things(tmp_path: Path) -> None:
    """The first embeddings keep the number of their word in a tensor, under the key of the word's vectors."""
    shapes = {"*": ("I64", ()), "**": ("F32", (2, 768))}
    path = write_torch(tmp_path / "x.pt", shapes, wrapper="string_to_param")
    with zipfile.ZipFile(path) as file:
        structure = file.read("archive/data.pkl").replace(b"\x02\x00\x00\x00**", b"\x01\x00\x00\x00*")
        rest = {name: file.read(name) for name in file.namelist() if not name.endswith("data.pkl")}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr("archive/data.pkl", structure)
        for name, content in rest.items():
            file.writestr(name, content)
    found = judge(read_outline(path))
    assert (found.kind, found.family) == ("embedding", "sd1")
