"""LoRAs and hypernetworks on their shelves: names, aliases, hashes, and the API's listings."""

import hashlib
import json
import struct

import pytest

from runtime.folders import find_folders
from runtime.networks import NetworkShelves, lora_hash


def shelves(folder):
    return NetworkShelves(find_folders({}, folder, folder / "models"))


def lora(folder, name, data=b"", **metadata):
    """A safetensors file of bytes."""
    header = {"__metadata__": metadata, "x": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}}
    text = json.dumps(header).encode()
    path = folder / "models" / "Lora" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_the_listing_names_file_alias_path_and_metadata(tmp_path):
    path = lora(
        tmp_path,
        "inner/file 2.safetensors",
        ss_output_name="Look",
        ss_tag_frequency='{"a": {"cat": 3}}',
        broken="{",
        ssmd_cover_images="[...]",
    )
    plain = lora(tmp_path, "file 10.safetensors")
    assert shelves(tmp_path).loras().listing() == [
        {"name": "file 10", "alias": "file 10", "path": str(plain), "metadata": {}},
        {
            "name": "file 2",
            "alias": "Look",
            "path": str(path),
            "metadata": {"ss_output_name": "Look", "ss_tag_frequency": {"a": {"cat": 3}}, "broken": "{"},
        },
    ]


def test_metadata_that_no_answer_could_hold_stays_text(tmp_path):
    odd = {"a": '{"x": NaN}', "b": '{"x": 1e999}', "c": '{"x": "\\ud800"}', "d": '{"x": 1}'}
    lora(tmp_path, "odd.safetensors", **odd)
    (found,) = shelves(tmp_path).loras().listing()
    assert found["metadata"] == odd | {"d": {"x": 1}}
    assert json.dumps(found["metadata"], allow_nan=False, ensure_ascii=False).encode()


def test_a_broken_file_and_a_torch_file_are_listed_bare(tmp_path):
    lora(tmp_path, "good.safetensors")
    (tmp_path / "models" / "Lora" / "bad.safetensors").write_bytes(b"nothing")
    (tmp_path / "models" / "LyCORIS").mkdir()
    (tmp_path / "models" / "LyCORIS" / "old.pt").write_bytes(b"PK")
    found = shelves(tmp_path).loras().listing()
    assert [one["name"] for one in found] == ["bad", "good", "old"]
    assert all(one["metadata"] == {} for one in found)


def test_a_lora_is_found_by_stem_or_alias_and_letters_count(tmp_path):
    path = lora(tmp_path, "inner/file.safetensors", ss_output_name="Look")
    loras = shelves(tmp_path).loras()
    assert shelves(tmp_path).find_lora("file").alias == "Look"
    assert shelves(tmp_path).find_lora("Look").name == "file"
    assert [loras.find(name) and loras.find(name).path for name in ("file", "Look", "look", "")] == [
        path,
        path,
        None,
        None,
    ]


def test_an_alias_of_two_files_means_neither(tmp_path):
    lora(tmp_path, "a.safetensors", ss_output_name="last")
    lora(tmp_path, "b.safetensors", ss_output_name="last")
    stem = lora(tmp_path, "last.safetensors")
    loras = shelves(tmp_path).loras()
    assert loras.find("last").path == stem
    assert loras.find("a").name == "a"
    stem.unlink()
    assert shelves(tmp_path).loras().find("last") is None


@pytest.mark.parametrize(("setting", "written"), [("Alias from file", "Look"), ("Filename", "file")])
def test_the_name_that_the_page_writes(tmp_path, setting, written):
    lora(tmp_path, "file.safetensors", ss_output_name="Look")
    lora(tmp_path, "x.safetensors", ss_output_name="None")
    loras = shelves(tmp_path).loras()
    assert loras.preferred_name(loras.find("file"), setting) == written
    assert loras.preferred_name(loras.find("x"), setting) == "x"


def test_the_hash_is_the_trainers_else_of_the_tensors_else_of_the_file(tmp_path):
    told = lora(tmp_path, "a.safetensors", b"abc", sshs_model_hash="0123456789abcdef")
    own = lora(tmp_path, "b.safetensors", b"abc")
    renamed = lora(tmp_path, "c.safetensors", b"abc", ss_output_name="other")
    loras = shelves(tmp_path).loras()
    assert lora_hash(told, loras.find("a").metadata) == "0123456789ab"
    assert loras.by_hash("0123456789ab").name == "a"
    expected = hashlib.sha256(b"abc").hexdigest()[:12]
    assert loras.by_hash(expected) is None
    assert lora_hash(own, {}) == lora_hash(renamed, {}) == expected
    assert loras.by_hash(expected).name == "b"
    old = tmp_path / "models" / "Lora" / "old.pt"
    old.write_bytes(b"PK...")
    assert lora_hash(old, {}) == hashlib.sha256(b"PK...").hexdigest()[:12]


def test_a_changed_file_has_another_hash_and_other_metadata(tmp_path):
    found = shelves(tmp_path)
    path = lora(tmp_path, "a.safetensors", b"abc", ss_output_name="one")
    first = lora_hash(path, {})
    assert found.loras().find("one")
    lora(tmp_path, "a.safetensors", b"abcd", ss_output_name="two")
    assert lora_hash(path, {}) != first
    assert found.loras().find("two")
    assert found.loras().find("one") is None


def test_hypernetworks_are_listed_by_stem(tmp_path):
    folder = tmp_path / "models" / "hypernetworks"
    (folder / "inner").mkdir(parents=True)
    for name in ("b.pt", "inner/A.pt", "None.pt", "c.safetensors"):
        (folder / name).write_bytes(b"x")
    found = shelves(tmp_path)
    assert found.hypernetwork_listing() == [
        {"name": "b", "path": str(folder / "b.pt")},
        {"name": "A", "path": str(folder / "inner" / "A.pt")},
    ]
    assert found.hypernetworks()["A"] == folder / "inner" / "A.pt"


def test_no_folders_no_networks(tmp_path):
    assert shelves(tmp_path).loras().listing() == []
    assert shelves(tmp_path).hypernetwork_listing() == []
