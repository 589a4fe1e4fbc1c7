"""Behind the API, where names become files: every spelling, in whatever finds a model or names a picture."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from runtime.engine.filenames import JobFacts
from runtime.engine.saving import Outputs, keep, keep_extra
from runtime.flags import read_flags
from runtime.formats import PICTURES
from runtime.job_options import JobOptions
from runtime.library import Library
from runtime.networks import NetworkShelves
from runtime.request import Request, RequestError
from runtime.shelf import Shelf
from runtime.stock import Stock
from runtime.ui.batch_form import BatchForm, folder_named
from runtime.ui.localization import read_localization
from runtime.ui.uploads import NotSentError, sent
from runtime.vaes import choose_vae
from tests.runtime.conftest import CHECKOUT
from tests.runtime.gate.canary import shows, write_secret
from tests.runtime.gate.spellings import leave_ways, spellings


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return write_secret(tmp_path / "outside")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Folders as a server has them, with a model each."""
    found = tmp_path / "data"
    for kind in ("models/Stable-diffusion", "models/VAE", "models/Lora", "models/ESRGAN", "embeddings"):
        (found / kind).mkdir(parents=True)
        (found / kind / "own.safetensors").write_bytes(b"own")
    return found


def test_models_are_found_by_the_names_of_what_lies_there(data: Path, secret: Path) -> None:
    folders = read_flags(["--data-dir", str(data)], {}).folders
    checkpoint = data / "models" / "Stable-diffusion" / "own.safetensors"
    library, stock = Library(folders.checkpoints, None, None), Stock(read_flags(["--data-dir", str(data)], {}))
    shelves = [Shelf(folders.loras, (".safetensors",)), Shelf(folders.embeddings, (".safetensors", ".png"))]
    loras = NetworkShelves(folders).loras()
    for path in spellings(secret, data / "models"):
        assert library.find(path) is None, path
        assert all(shelf.find(path) is None for shelf in shelves), path
        assert loras.by_hash(path) is None
        assert choose_vae(folders, checkpoint, JobOptions(sd_vae=path)).path is None, path
        assert read_localization(path, (data / "localizations",)) == ({}, False), path
        with pytest.raises(RequestError):
            stock.upscaler(path or "x")


def test_pictures_stay_in_their_folder_whatever_they_are_called(data: Path, secret: Path) -> None:
    outputs, image = Outputs(data), Image.new("RGB", (8, 8))
    before = sorted(secret.parent.parent.iterdir())
    for number, path in enumerate(spellings(secret, data / "models")):
        options = JobOptions(
            samples_filename_pattern="[prompt]" if number % 2 else path,
            directories_filename_pattern="[styles]" if number % 3 else path,
            save_images_add_number=number % 5 == 0,
            save_to_dirs=True,
        )
        request = Request(prompt=path, styles=(path,), sampler_name=path, user=path, options=options)
        facts = JobFacts(request, (1,), (1,), model_name=path, vae_name=path, basename=path, began=datetime(2026, 1, 2))
        kept = keep(image, "told", facts, 0, outputs)
        extra = keep_extra(image, {}, options, outputs, name=path)
        assert extra is not None
        for file in (Path(kept.path or ""), extra):
            assert file.resolve().is_relative_to(data / "outputs"), (path, file)
            assert file.is_file()
            assert not file.is_symlink()
    assert sorted(secret.parent.parent.iterdir()) == before
    assert {file.name for file in secret.parent.iterdir()} == {"secret.png", "secret.txt"}


def test_folders_of_batches_where_others_come_in(data: Path, secret: Path) -> None:
    inside = data / "inside"
    leave_ways(secret, inside)
    Image.new("RGB", (8, 8)).save(inside / "own.png")
    settings = read_flags(["--data-dir", str(data), "--listen", "--gradio-allowed-path", str(inside)], {})
    for path in (*spellings(secret, inside), *spellings(secret.parent, inside)):
        try:
            files = BatchForm(batch_input_dir=path).pictures(settings)
        except RequestError:
            files = []
        assert not [file for file in files if shows(file.read_bytes())], path
        try:
            folder = folder_named(settings, path)
        except RequestError:
            continue
        assert folder.is_relative_to(inside.resolve()), path


def test_only_what_was_sent_is_taken_for_sent(data: Path, secret: Path) -> None:
    inside = data / "cache"
    leave_ways(secret, inside)
    own = inside / "own.png"
    own.write_bytes(b"own")
    assert sent(str(own), str(inside)) == own
    for path in spellings(secret, inside):
        with pytest.raises(NotSentError):
            sent(path, str(inside))


PRUNED = """
import io
from PIL import Image
from runtime.formats import PICTURES, open_no_others

def opened(kind):
    file = io.BytesIO()
    Image.new("RGB", (32, 32)).save(file, kind)
    try:
        Image.open(file).load()
    except OSError:
        return False
    return True

others = ("PPM", "TGA", "ICO", "PCX", "EPS", "SGI")
assert all(map(opened, others[:3]))
open_no_others()
print(*[kind for kind in (*PICTURES, *others) if opened(kind)])
"""


def test_pillow_opens_what_is_a_picture_here_and_nothing_else() -> None:
    """In a process of its own, for what is no longer opened comes back in none."""
    done = subprocess.run([sys.executable, "-c", PRUNED], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == list(PICTURES)
