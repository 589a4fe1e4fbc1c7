"""--linked-dir: folders of another program's install are looked into beside our own, by server and worker alike."""

from __future__ import annotations

from pathlib import Path

from runtime.flags import read_flags
from runtime.folders import Folders
from runtime.networks import NetworkShelves
from runtime.upscalers import find_upscaler
from runtime.vaes import list_vaes
from runtime.worker_flags import parse

KINDS = ("Stable-diffusion", "VAE", "Lora", "embeddings", "hypernetworks", "ESRGAN")


def linked(tmp_path: Path) -> tuple[Folders, Folders]:
    """The server's folders and the worker's, with one linked folder of each kind."""
    words = [word for kind in KINDS for word in ("--linked-dir", f"{kind}={tmp_path / '别处=1' / kind}")]
    settings = read_flags(["--data-dir", str(tmp_path / "own"), *words], {})
    assert settings.warnings == ()
    return settings.folders, parse([*settings.worker_flags, "7"]).folders


def test_each_kind_has_our_own_folder_and_the_linked_one(tmp_path: Path) -> None:
    for folders in linked(tmp_path):
        there = tmp_path / "别处=1"
        assert folders.checkpoints == (tmp_path / "own/models/Stable-diffusion", there / "Stable-diffusion")
        assert folders.vaes[-1] == there / "VAE"
        assert folders.loras[-1] == there / "Lora"
        assert folders.embeddings == (tmp_path / "own/embeddings", there / "embeddings")
        assert folders.hypernetworks[-1] == there / "hypernetworks"
        assert folders.upscalers["ESRGAN"] == (tmp_path / "own/models/ESRGAN", there / "ESRGAN")


def test_what_lies_there_is_listed_and_our_own_comes_first(tmp_path: Path) -> None:
    folders, _ = linked(tmp_path)
    for root in (tmp_path / "别处=1", tmp_path / "own/models"):
        for name in ("Lora/line.pt", "VAE/soft.pt", "ESRGAN/sharp.pth", "hypernetworks/old.pt"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(b"x")
    (tmp_path / "别处=1/ESRGAN/only.pth").write_bytes(b"x")
    assert {one.path.parent.parent for one in NetworkShelves(folders).loras().files} == {
        tmp_path / "别处=1",
        tmp_path / "own/models",
    }
    assert "soft.pt" in list_vaes(folders)
    assert find_upscaler("sharp", folders.upscalers).path == tmp_path / "own/models/ESRGAN/sharp.pth"
    assert find_upscaler("only", folders.upscalers).path == tmp_path / "别处=1/ESRGAN/only.pth"


def test_without_an_equals_sign_it_names_nothing(tmp_path: Path) -> None:
    folders = read_flags(["--data-dir", str(tmp_path), "--linked-dir", "nonsense", "--linked-dir", "Lora="], {}).folders
    assert folders.loras == (tmp_path / "models/Lora", tmp_path / "models/LyCORIS")
