"""The catalogue: consistent in itself, every address of a form that its host knows, offered as the card suits."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import urlsplit

import pytest

from launcher.core.errors import LauncherError
from launcher.core.models.catalogue import Entry, offered, read_catalogue
from launcher.core.models.shelves import FOLDERS, HOMES

CATALOGUE = read_catalogue()
#: why a place is known to have this hash; the others are to be tried last
BACKED = {"lfs", "stated", "address-is-hash", "computed", "git-blob"}
FORMS = {
    "huggingface": r"https://huggingface\.co/(datasets/)?[\w.-]+/[\w.-]+/resolve/(main|[0-9a-f]{40})/\S+",
    "modelscope": r"https://modelscope\.cn/models/[\w.-]+/[\w.-]+/resolve/[\w.]+/\S+",
    "civitai": r"https://civitai\.com/api/download/models/\d+(\?\S+)?",
    "github-release": r"https://github\.com/[\w.-]+/[\w.-]+/releases/download/v[\d.]+/\S+",
    "github-raw": r"https://github\.com/[\w.-]+/[\w.-]+/raw/[0-9a-f]{40}/\S+",
    "url": r"https://\S+",
}


def test_there_are_the_models_that_tutorials_name() -> None:
    for stem in ("v1-5-pruned-emaonly", "sd_xl_base_1.0", "vae-ft-mse-840000-ema-pruned", "sdxl_vae_fp16_fix"):
        assert CATALOGUE.find(stem).licence_known
    assert len(CATALOGUE.file) == 62
    assert re.fullmatch(r"20\d\d-\d\d", CATALOGUE.checked)


def test_no_name_and_no_hash_stands_twice() -> None:
    every = (*CATALOGUE.file, *CATALOGUE.known)
    assert all(re.fullmatch(r"[0-9a-f]{64}", one.sha256) for one in every)
    for values in ([one.name.casefold() for one in every], [one.sha256 for one in every]):
        assert [value for value, count in Counter(values).items() if count > 1] == []


@pytest.mark.parametrize("entry", CATALOGUE.file, ids=lambda entry: entry.stem)
def test_an_entry_is_whole(entry: Entry) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
    assert entry.bytes > 1000
    assert entry.licence.strip()
    assert entry.sources
    assert set(entry.sources) <= CATALOGUE.sources.keys()
    assert (entry.format == "pickle") == entry.name.endswith((".pt", ".pth", ".ckpt"))
    last = entry.folder.rpartition("/")[2].lower()
    assert entry.folder == HOMES.get(entry.kind) or FOLDERS.get(last) == entry.kind
    assert any(location.same_bytes in BACKED for location in entry.locations)
    backed = [location.same_bytes in BACKED for location in entry.locations]
    assert backed == sorted(backed, reverse=True)


@pytest.mark.parametrize("entry", CATALOGUE.file, ids=lambda entry: entry.stem)
def test_its_addresses_have_their_hosts_form(entry: Entry) -> None:
    addresses = [location.address for location in entry.locations]
    assert len(addresses) == len(set(addresses))
    for location, address in zip(entry.locations, addresses, strict=True):
        assert re.fullmatch(FORMS[location.host], address), address
        assert "None" not in address
        if location.same_bytes == "address-is-hash":
            assert entry.sha256 in address
        assert not urlsplit(address).path.startswith(("/runwayml/", "/stabilityai/stable-diffusion-2"))


def test_files_are_offered_by_the_cards_memory() -> None:
    def largest(vram: int | None) -> int:
        return max(entry.vram_gib for entry in offered(CATALOGUE.file, vram))

    # cards of 4, 6 and 8 GB as NVML tells them
    assert [largest(vram) for vram in (2048, 4096, 4043, 6141, 8188, None)] == [0, 4, 4, 6, 8, 8]
    assert all(entry.family != "sdxl" or entry.kind != "checkpoint" for entry in offered(CATALOGUE.file, 4096))


def test_a_file_is_found_by_name_stem_or_hash_in_any_letter_case() -> None:
    entry = CATALOGUE.file[0]
    for name in (entry.name, entry.stem.upper(), entry.sha256, entry.sha256[:10].upper()):
        assert CATALOGUE.find(name) == entry
    assert CATALOGUE.by_hash(entry.sha256) == entry
    assert CATALOGUE.by_hash("0" * 64) is None
    old = CATALOGUE.by_hash("cc6cb27103417325ff94f52b7a5d2dde45a7515b25c255d8e396c90014281516")
    assert old is not None
    assert old.name == "v1-5-pruned-emaonly.ckpt"
    with pytest.raises(LauncherError):
        CATALOGUE.find("v1-5-pruned-emaonly.ckpt")


@pytest.mark.parametrize(("name", "hint"), [("dreamshaper", "DreamShaper_8_pruned"), ("", "list"), ("<b>", "list")])
def test_an_unknown_name_offers_near_ones(name: str, hint: str) -> None:
    with pytest.raises(LauncherError) as unknown:
        CATALOGUE.find(name)
    assert unknown.value.code == "model-unknown"
    assert hint in str(unknown.value.hint)
