"""mirrors.toml: strict, encrypted, and never a word about where the official places are."""

from dataclasses import fields
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.mirrors import Mirrors, read_mirrors


def test_every_kind_begins_with_the_official_place_and_offers_another_group() -> None:
    mirrors = read_mirrors()
    for kind in fields(Mirrors):
        first, *others = getattr(mirrors, kind.name)
        assert first.official, kind.name
        assert {mirror.group for mirror in others} - {first.group}, kind.name


def test_at_least_three_groups_of_package_mirrors() -> None:
    assert len({mirror.group for mirror in read_mirrors().packages if not mirror.official}) >= 3


def test_torch_mirrors_take_the_tag() -> None:
    assert all(mirror.url.format(tag="cu130").count("cu130") == 1 for mirror in read_mirrors().torch if mirror.url)


ENTRY = '[[{kind}]]\nname = "{name}"\ngroup = "g"\nchecked = 2026-01-01\n'


def file_with(tmp_path: Path, extra: str) -> Path:
    kinds = [field.name for field in fields(Mirrors) if field.name != "packages"]
    text = extra + "".join(ENTRY.format(kind=kind, name="o") + "official = true\n" for kind in kinds)
    path = tmp_path / "mirrors.toml"
    path.write_text(text)
    return path


PACKAGES = ENTRY.format(kind="packages", name="a")


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (PACKAGES, "official = true"),
        (PACKAGES + 'official = true\nurl = "https://x.example"\nstyle = "index"\n', "official = true"),
        (PACKAGES + 'url = "https://x.example"\n', "style"),
        (PACKAGES + 'url = "http://x.example"\nstyle = "index"\n', "https://"),
        (PACKAGES + 'url = "https://x.example"\nstyle = "guess"\n', "style"),
        (PACKAGES + 'url = "https://x.example"\nstyle = "index"\nspeed = 3\n', "speed"),
        ((PACKAGES + "official = true\n") * 2, "twice"),
        (PACKAGES.replace("2026-01-01", '"2026"') + "official = true\n", "checked"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, entries: str, said: str) -> None:
    with pytest.raises(LauncherError, match="bad-facts") as failure:
        read_mirrors(file_with(tmp_path, entries))
    assert said in str(failure.value)
    assert "packages" in str(failure.value)


def test_a_right_one_is_read(tmp_path: Path) -> None:
    file = file_with(tmp_path, PACKAGES + 'url = "https://x.example"\nstyle = "index"\n')
    assert read_mirrors(file).packages[0].url == "https://x.example"
