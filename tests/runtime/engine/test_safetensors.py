"""Two readers see a safetensors file, ours its header and the library its tensors; both refuse in words."""

import json
import struct

import pytest
import torch

from runtime.engine.networks.files import read_lora
from runtime.engine.tensors import open_tensors, read_tensors
from runtime.request import RequestError
from runtime.safetensors_header import SIZES, read_header

PLAIN = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def written(path, header):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + struct.pack("<2f", 1, 2))
    return path


@pytest.mark.parametrize("metadata", [None, {}, {"step": "500"}, {"\u540d": "\u5b57"}])
def test_text_is_metadata(tmp_path, metadata):
    path = written(tmp_path / "a.safetensors", {"__metadata__": metadata, "a": PLAIN})
    tensors, read = read_tensors(path)
    assert (read, tensors["a"].tolist()) == (metadata or {}, [1, 2])


@pytest.mark.parametrize("metadata", [{"step": 500}, {"a": None}, {"a": {}}, ["x"], [], "x", 0, {"a": "\ud800"}])
def test_anything_else_is_refused_before_the_library_sees_it(tmp_path, metadata):
    path = written(tmp_path / "a.safetensors", {"__metadata__": metadata, "a": PLAIN})
    with pytest.raises(RequestError) as refused:
        read_header(path, "network")
    assert refused.value.code == "network-damaged"
    with pytest.raises(RequestError) as refused:
        read_lora(path)
    assert refused.value.code == "network-damaged"


def test_metadata_that_is_no_text_is_named(tmp_path):
    with pytest.raises(RequestError, match="'step'"):
        read_header(written(tmp_path / "a.safetensors", {"__metadata__": {"step": 500}, "a": PLAIN}))


STRANGE = {
    "nan": b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], "x": NaN}}',
    "utf-16": json.dumps({"a": PLAIN}).encode("utf-16-le"),
    "deep": {"a": PLAIN | {"x": json.loads("[" * 200 + "]" * 200)}},
    "more": {"a": PLAIN | {"x": 1}},
    "vast": {"a": PLAIN, "z": {"dtype": "F32", "shape": [2**40, 2**40, 0], "data_offsets": [8, 8]}},
    "vaster": {"a": PLAIN, "z": {"dtype": "F32", "shape": [0, 2**70], "data_offsets": [8, 8]}},
    "many sides": {"a": PLAIN | {"shape": [2] + [1] * 99}},
    **{f"of {name}": {"a": PLAIN | {"dtype": name, "shape": [8 // size]}} for name, size in SIZES.items()},
}


@pytest.mark.parametrize("header", STRANGE.values(), ids=STRANGE.keys())
def test_what_the_header_passes_can_be_read_or_is_refused_in_words(tmp_path, header):
    path, refusals = written(tmp_path / "a.safetensors", header), []
    try:
        known = read_header(path).tensors
        read, _metadata = read_tensors(path)
        with open_tensors(path) as opened:
            assert all(torch.equal(opened.get(name), read[name]) for name in known)
        assert tuple(read["a"].shape) == known["a"][1]
    except RequestError as refused:
        refusals.append(refused.code)
    assert refusals in ([], ["file-damaged"])


@pytest.mark.parametrize(
    "header",
    [
        b'{"a": {"dtype": "U8", "shape": [' + b"1," * 900_000 + b'1], "data_offsets": [0, 8]}}',
        b'{"a": [' + b"[]," * 600_000 + b"1]}",
        b'{"a": [' + b"null," * 390_000 + b"1]}",
        b'{"a": ' + b" " * 3_000_000 + b"1}",
        b"{" + b",".join(b'"%d": 0' % k for k in range(500_000)) + b"}",
        b'{"__metadata__": {' + b",".join(b'"%d\\\\": "\\\\"' % k for k in range(300_000)) + b"}}",
    ],
    ids=["sides", "lists", "nulls", "blanks", "names", "metadata"],
)
def test_far_more_than_tensors_take_is_refused_before_it_is_parsed(tmp_path, monkeypatch, header):
    """How long that takes is measured by tests.release.model_files."""
    monkeypatch.setattr("runtime.safetensors_header.json", None)
    with pytest.raises(RequestError, match="it holds too m"):
        read_header(written(tmp_path / "a.safetensors", header))


@pytest.mark.parametrize(
    "header",
    [
        b'{"a": %s, "a": %s}', b'{"a": %s, "\\u0061": %s}',
        b'{"__metadata__": {"x": "1", "x": "2"}, "a": %s, "b": %s}',
        b'{"a": {"dtype": "F32", "dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "b": %s%.0s}',
    ],
)  # fmt: skip
def test_a_name_that_appears_twice_is_refused_however_it_is_spelled(tmp_path, header):
    entry = json.dumps({"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}).encode()
    with pytest.raises(RequestError, match="appears twice"):
        read_header(written(tmp_path / "a.safetensors", header % (entry, entry)))


def test_marks_in_texts_are_text(tmp_path):
    told = {"tags": '{"a": "b, c: [1]"}', 'a"b\\': "\\", '\\"': '\\"'}
    path = written(tmp_path / "a.safetensors", {"__metadata__": told, 'weight "1": [x]\\': PLAIN})
    assert read_header(path).metadata == told
    assert list(read_header(path).tensors) == ['weight "1": [x]\\']


def test_a_fault_of_who_reads_is_not_the_files(tmp_path):
    path = written(tmp_path / "a.safetensors", {"a": PLAIN})
    with pytest.raises(ValueError, match="mine"), open_tensors(path):
        raise ValueError("mine")
