"""Which file of a package is taken, and where else it may lie."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.install.package_sources import PackageSource, addresses
from launcher.core.install.wheelhouse import is_there, pages, prune, write_index
from launcher.core.packages.wheels import WheelFile, read_pylock, supported_tags

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
TAG = f"cp{PYTHON.replace('.', '')}"
A, B = "a" * 64, "b" * 64
FILED = "/packages/0b/7d/bdbf3062e5dae31da8b3de1e3269110beb93d268df4a7f6d22b167c6cee0/tiny-1.0-py3-none-any.whl"


def lock(folder: Path, *wheels: tuple[str, str | None], version: str = "1.0") -> Path:
    """A pylock.toml of one package."""
    listed = ", ".join(
        f'{{ url = "{url}", hashes = {{ {f"sha256 = {digest!r}" if digest else ""} }} }}' for url, digest in wheels
    )
    file = folder / "pylock.toml"
    text = f'lock-version = "1.0"\n[[packages]]\nname = "tiny"\nversion = "{version}"\nwheels = [{listed}]\n'
    file.write_text(text, encoding="utf-8")
    return file


def test_of_several_wheels_the_best_for_this_computer_is_taken(tmp_path: Path) -> None:
    best = next(tag for tag in supported_tags(PYTHON) if tag.abi == TAG)
    names = ("tiny-1.0-py3-none-any.whl", f"tiny-1.0-{best}.whl", "tiny-1.0-cp39-cp39-win_arm64.whl")
    file = lock(tmp_path, *((f"https://example.org/{name}", A) for name in names))
    (found,) = read_pylock(file, {}, PYTHON)
    assert found.name == names[1]


def test_what_the_lock_does_not_allow_is_not_taken(tmp_path: Path) -> None:
    urls = ("https://one.example/tiny-1.0-py3-none-any.whl", "https://two.example/tiny-1.0-py3-none-any.whl")
    (found,) = read_pylock(lock(tmp_path, (urls[0], A), (urls[1], B)), {"tiny==1.0": [B]}, PYTHON)
    assert found.url == urls[1]


@pytest.mark.parametrize(
    "wheels",
    [
        (),
        (("https://example.org/tiny-1.0-py3-none-any.whl", None),),
        (("https://example.org/tiny-1.0-py3-none-any.whl", A),),
        (("https://example.org/tiny-1.0.tar.gz", B),),
        (("https://example.org/tiny-1.0-cp39-cp39-win_arm64.whl", B),),
        (("s3://bucket/tiny-1.0-py3-none-any.whl", B),),
    ],
    ids=["no wheel", "no hash", "another hash", "a source", "another system", "another scheme"],
)
def test_what_cannot_be_fetched_one_by_one_is_left_to_uv(
    tmp_path: Path, wheels: tuple[tuple[str, str | None], ...]
) -> None:
    with pytest.raises(LauncherError) as failure:
        read_pylock(lock(tmp_path, *wheels), {"tiny==1.0": [B]}, PYTHON)
    assert failure.value.code == "wheels-unsuited"


def test_a_file_of_the_users_own_stays_where_it_is(tmp_path: Path) -> None:
    wheel = tmp_path / "中 file" / "tiny-1.0+local-py3-none-any.whl"
    (found,) = read_pylock(lock(tmp_path, (wheel.as_uri(), A)), {}, PYTHON)
    assert found.local == wheel
    assert found.name == wheel.name


def test_where_else_a_file_may_lie(tmp_path: Path) -> None:
    file = WheelFile("tiny", "1.0", "tiny-1.0+cpu-py3-none-any.whl", f"https://files.example{FILED}", A)
    first = PackageSource("official", "official")
    copy = PackageSource("copy", "one", index="https://copy.example/pypi/simple/")
    flat = PackageSource("flat", "two", index="https://flat.example/whl/cpu", style="flat")
    nobody = PackageSource("nobody", "three")
    found = [(each.url, each.group) for each in addresses(file, first, [copy, nobody, flat])]
    assert found == [
        (file.url, "official"),
        (f"https://copy.example/pypi{FILED}", "one"),
        ("https://flat.example/whl/cpu/tiny-1.0%2Bcpu-py3-none-any.whl", "two"),
    ]
    elsewhere = WheelFile("tiny", "1.0", "tiny-1.0-py3-none-any.whl", "https://files.example/tiny.whl", A)
    assert len(addresses(elsewhere, first, [copy])) == 1


def test_a_password_goes_to_its_own_host_alone_and_stands_in_no_address() -> None:
    own = PackageSource("pip", "own", index="https://me:p%40ss@index.example/simple")
    for url, authorized in (
        ("https://index.example/files/a.whl", True),
        ("https://me:p%40ss@index.example/files/a.whl", True),
        ("https://elsewhere.example/files/a.whl", False),
    ):
        (address,) = addresses(WheelFile("a", "1", "a.whl", url, A), own, [])
        assert "@" not in address.url
        assert address.authorization == ("Basic bWU6cEBzcw==" if authorized else None)


def test_the_index_keeps_its_address_and_what_it_listed(tmp_path: Path) -> None:
    house = tmp_path / "我的 cache" / "wheels"
    files = [WheelFile("tiny", version, f"tiny-{version}-py3-none-any.whl", "https://e.org/x", A) for version in "12"]
    first = write_index(house, files[:1])
    assert write_index(house, files) == first == pages(house).as_uri()
    text = (pages(house) / "tiny" / "index.html").read_text(encoding="utf-8")
    assert text.count("<a ") == 2
    assert f"tiny-2-py3-none-any.whl#sha256={A}" in text


def test_a_file_counts_as_there_only_if_every_byte_is_right(tmp_path: Path) -> None:
    import hashlib

    digest = hashlib.sha256(b"right").hexdigest()
    file = WheelFile("tiny", "1", "tiny.whl", "https://e.org/tiny.whl", digest, 5)
    assert not is_there(tmp_path, file)
    (tmp_path / "tiny.whl").write_bytes(b"wrong")
    assert not is_there(tmp_path, file)
    (tmp_path / "tiny.whl").write_bytes(b"right")
    assert is_there(tmp_path, file)


def test_wheels_that_no_environment_needs_any_more_are_removed_with_their_links(tmp_path: Path) -> None:
    house = tmp_path / "wheels"
    own = tmp_path / "own" / "tiny-3-py3-none-any.whl"
    own.parent.mkdir()
    own.write_bytes(b"the user's")
    old, new = (
        WheelFile("tiny", v, f"tiny-{v}-py3-none-any.whl", "https://e.org/x", d) for v, d in (("1", A), ("2", B))
    )
    write_index(house, [old, new, WheelFile("tiny", "3", own.name, own.as_uri(), "c" * 64)])
    for file in (old, new):
        (house / file.name).write_bytes(b"x" * 100)
    assert prune(house, {B}) == 100
    assert sorted(path.name for path in house.glob("*.whl")) == [new.name]
    assert own.exists()
    text = (pages(house) / "tiny" / "index.html").read_text(encoding="utf-8")
    assert (old.name in text, new.name in text) == (False, True)
    assert prune(tmp_path / "nowhere", set()) == 0
