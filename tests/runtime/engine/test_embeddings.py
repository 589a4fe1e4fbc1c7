"""Textual inversion: every container gives its vectors, and names are found by their tokens."""

import base64
import json
import os
import random
import struct

import pytest
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import save_file

from runtime.engine.networks import embedding_files, embeddings
from runtime.engine.networks.embedding_files import read_embedding
from runtime.engine.networks.embeddings import EmbeddingBook
from runtime.engine.tokenizer import token_ids
from runtime.hashes import sha256_of
from runtime.request import RequestError
from tests.runtime.engine.network_files import noise

VECTORS = noise(3, 32)


def trained(vectors=VECTORS, **more):
    """As AUTOMATIC1111's trainer writes it."""
    inside = {"string_to_token": {"*": 265}, "string_to_param": {"*": vectors}, "name": "within", "step": 99}
    return inside | {"sd_checkpoint": "6ce0161689", "sd_checkpoint_name": "v1-5"} | more


def picture(path, inside):
    def plain(value):
        return {"TORCHTENSOR": value.tolist()} if isinstance(value, torch.Tensor) else value

    text = PngImagePlugin.PngInfo()
    text.add_text("sd-ti-embedding", base64.b64encode(json.dumps(inside, default=plain).encode()).decode())
    Image.new("RGB", (8, 8)).save(path, pnginfo=text)


def write(folder, name, inside=None):
    folder.mkdir(exist_ok=True)
    path = folder / name
    if path.suffix == ".safetensors":
        save_file(inside or {"emb_params": VECTORS}, path)
    elif path.suffix == ".png":
        picture(path, inside or trained())
    else:
        torch.save(inside or trained(), path)
    return path


def book(folder, widths=(32,)):
    found = EmbeddingBook()
    found.look((folder,), widths)
    return found


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("a.pt", trained()),
        ("a.pt", trained(torch.nn.Parameter(VECTORS))),
        ("a.pt", {"string_to_param": torch.nn.ParameterDict({"*": torch.nn.Parameter(VECTORS)})}),
        ("a.bin", {"<a>": VECTORS}),
        ("a.pt", {"emb_params": VECTORS, "other": noise(2, 2)}),
        ("a.safetensors", {"emb_params": VECTORS}),
        ("a.safetensors", {"<cat>": VECTORS}),
        ("a.png", trained()),
    ],
)
def test_every_container_gives_its_vectors(tmp_path, name, inside):
    file = read_embedding(write(tmp_path, name, inside))
    assert len(file.vectors) == 1
    assert torch.equal(file.vectors[0], VECTORS)
    assert file.name == ("within" if name == "a.png" else "a")
    assert file.sha256 == sha256_of(tmp_path / name)


def test_one_vector_is_one_word_and_halves_become_whole_numbers(tmp_path):
    file = read_embedding(write(tmp_path, "a.bin", {"<a>": VECTORS[0].half()}))
    assert file.vectors[0].shape == (1, 32)
    assert file.vectors[0].dtype == torch.float32


def test_two_text_models(tmp_path):
    inside = {"clip_g": noise(3, 64), "clip_l": VECTORS}
    for name in ("a.safetensors", "b.pt"):
        file = read_embedding(write(tmp_path, name, inside))
        assert [one.shape[-1] for one in file.vectors] == [32, 64]
    assert book(tmp_path, (32, 64)).loaded.keys() == {"a", "b"}
    assert book(tmp_path, (64,)).loaded["a"][0].vectors[0].shape == (3, 64)
    assert book(tmp_path, (32,)).skipped.keys() == {"a", "b"}


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("a.pt", {"string_to_param": {"*": VECTORS, "+": VECTORS}}),
        ("a.pt", {"string_to_param": 5}),
        ("a.pt", {"x": VECTORS, "y": VECTORS}),
        ("a.pt", {"step": 5}),
        ("a.bin", {"<a>": noise(76, 32)}),
        ("a.bin", {"<a>": noise(2, 2, 32)}),
        ("a.bin", {"<a>": torch.zeros(2, 32, dtype=torch.long)}),
        ("a.bin", {"<a>": torch.full((2, 32), float("nan"))}),
        ("a.safetensors", {"clip_l": VECTORS, "clip_g": noise(2, 64)}),
        ("a.png", {"string_to_param": {"*": "text"}}),
    ],
)
def test_what_is_none_is_said(tmp_path, name, inside):
    path = write(tmp_path, name, inside)
    with pytest.raises(RequestError) as refused:
        read_embedding(path)
    assert refused.value.code == "embedding-unreadable"
    assert "a." in refused.value.message


def test_broken_files_previews_and_empty_files_leave_the_others_alone(tmp_path):
    write(tmp_path, "good.pt")
    write(tmp_path, "good.preview.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "card.png")
    for name, data in {
        "empty.pt": b"",
        "bad.pt": b"PK\x03\x04xxx",
        "bad.png": b"\x89PNG",
        "x.safetensors": b"{}",
    }.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "readme.txt").write_text("hello")
    found = book(tmp_path)
    assert (found.loaded.keys(), found.skipped.keys()) == ({"good"}, set())


def with_header(path, **entries):
    """A safetensors file of two numbers whose header says what it likes."""
    header = {"emb_params": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}} | entries
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))


def odd_files(folder):
    """Files that others' programs write, or that are made to break a reader."""
    with_header(folder / "number.safetensors", __metadata__={"step": 500})
    with_header(folder / "list.safetensors", __metadata__=["x"])
    with_header(folder / "half.safetensors", __metadata__={"a": "\ud800"})
    deep = json.loads("[" * 200 + "]" * 200)
    with_header(
        folder / "deep.safetensors", emb_params={"dtype": "F32", "shape": [2], "data_offsets": [0, 8], "x": deep}
    )
    vast = {"dtype": "F32", "shape": [2**40, 2**40, 0], "data_offsets": [8, 8]}
    with_header(folder / "vast.safetensors", vast=vast)
    picture(folder / "digits.png", {"string_to_param": {"*": {"TORCHTENSOR": [[10**400]]}}})
    picture(folder / "nested.png", {"string_to_param": {"*": {"TORCHTENSOR": deep}}})
    picture(folder / "words.png", {"string_to_param": {"*": {"TORCHTENSOR": "text"}}})


def test_odd_files_cost_no_other_embedding_and_are_told_where_they_are_named(tmp_path):
    write(tmp_path, "good.pt")
    odd_files(tmp_path)
    found = EmbeddingBook()
    assert found.look((tmp_path,), (32,))
    assert found.loaded.keys() == {"good"}
    assert found.unreadable.keys() == {"number", "list", "half", "deep", "vast", "digits", "nested", "words"}
    assert not found.look((tmp_path,), (32,))
    assert found.loaded.keys() == {"good"}
    (remark,) = found.remarks(token_ids("a number of good cats"))
    assert "number.safetensors" in remark


@pytest.mark.parametrize("name", ["a.png", "a.pt", "a.safetensors"])
def test_damage_anywhere_costs_no_other_embedding(tmp_path, name):
    folder = tmp_path / "embeddings"
    whole, dice, unreadable = write(tmp_path, name).read_bytes(), random.Random(3), 0
    write(folder, "good.pt")
    for time in range(150):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 3, 20))):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        (folder / name).write_bytes(damaged)
        os.utime(folder / name, (time, time))
        found = book(folder)
        assert "good" in found.loaded
        unreadable += len(found.unreadable)
    assert unreadable > 10


def test_what_stops_a_look_leaves_the_book_and_is_tried_again(tmp_path, monkeypatch):
    write(tmp_path, "a.pt")
    found = book(tmp_path)
    write(tmp_path, "b.pt")

    def full(_path, _reader):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(embeddings, "read_embedding", full)
        with pytest.raises(MemoryError):
            found.look((tmp_path,), (32,))
    assert found.match(token_ids("a"), 0)
    assert found.look((tmp_path,), (32,))
    assert found.loaded.keys() == {"a", "b"}


def test_what_is_far_too_large_is_not_read(tmp_path, monkeypatch):
    path = write(tmp_path, "a.pt")
    os.truncate(path, embedding_files.LARGEST + 1)
    monkeypatch.setattr(embedding_files, "read_tensors", None)
    assert "far more" in book(tmp_path).unreadable["a"]


def test_words_that_nobody_could_write_down_are_left_out(tmp_path):
    picture(tmp_path / "a.png", trained(name="\udc80", sd_checkpoint="\ud800", step=10**30))
    file = read_embedding(tmp_path / "a.png")
    assert (file.name, file.sd_checkpoint, file.step) == ("a", None, None)


def test_a_name_is_found_by_its_tokens_whatever_its_letters(tmp_path):
    write(tmp_path, "My-Style.pt")
    found = book(tmp_path)
    ids = token_ids("a cat, my-style, MY-STYLE")
    places = [at for at in range(len(ids)) if found.match(ids, at)]
    embedding = found.match(ids, places[0])
    assert len(places) == 2
    assert (embedding.name, embedding.count, embedding.length) == ("My-Style", 3, len(token_ids("my-style")))
    assert embedding.sha12 == sha256_of(tmp_path / "My-Style.pt")[:12]
    assert found.match(token_ids("my"), 0) is None


def test_the_longest_name_wins(tmp_path):
    for name in ("cat.pt", "cat in hat.pt", "cat in.pt"):
        write(tmp_path, name)
    found = book(tmp_path)
    for text in ("cat in hat", "cat in", "cat"):
        assert found.match(token_ids(f"{text} x"), 0).name == text


def test_the_folder_is_read_again_only_when_it_changed(tmp_path, monkeypatch):
    folder = tmp_path / "embeddings"
    first = write(folder, "one.pt")
    found, read = EmbeddingBook(), []
    real = embeddings.read_embedding
    monkeypatch.setattr(embeddings, "read_embedding", lambda path, _reader: read.append(path.name) or real(path))
    assert [found.look((folder,), (32,)) for _ in range(3)] == [True, False, False]
    (folder / "inner").mkdir()
    write(folder / "inner", "two.pt")
    assert found.look((folder,), (32,))
    assert found.loaded.keys() == {"one", "two"}
    first.write_bytes((folder / "inner" / "two.pt").read_bytes())
    os.utime(first, (1e9, 1e9))
    assert found.look((folder,), (32,))
    first.unlink()
    assert found.look((folder,), (32,))
    assert found.loaded.keys() == {"two"}
    assert read == ["one.pt", "two.pt", "one.pt"]


def test_another_models_width_changes_what_fits_without_reading(tmp_path):
    write(tmp_path, "a.pt")
    found = book(tmp_path)
    assert found.match(token_ids("a"), 0)
    assert found.look((tmp_path,), (64,))
    assert (found.loaded, list(found.skipped)) == ({}, ["a"])
    assert found.match(token_ids("a"), 0) is None
    assert found.remarks(token_ids("what a cat")) == (
        "The embedding a is left out: its vectors are 32 wide, the checkpoint's 64.",
    )
    assert found.remarks(token_ids("one cat")) == ()


def test_listing_is_the_apis(tmp_path):
    write(tmp_path, "a.pt")
    write(tmp_path, "b.bin", {"<b>": noise(1, 768)})
    described = {"step": 99, "sd_checkpoint": "6ce0161689", "sd_checkpoint_name": "v1-5", "shape": 32, "vectors": 3}
    other = {"step": None, "sd_checkpoint": None, "sd_checkpoint_name": None, "shape": 768, "vectors": 1}
    assert book(tmp_path).listing() == {"loaded": {"a": described}, "skipped": {"b": other}}


def test_no_folder_no_embeddings(tmp_path):
    found = book(tmp_path / "nowhere")
    assert found.listing() == {"loaded": {}, "skipped": {}}
    assert found.match(token_ids("a cat"), 0) is None
