"""mirrors.toml: strict, encrypted, and never a word about where the official places are."""

from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.network.mirrors import KINDS, Mirror, Style, kind_of, own_mirror, read_mirrors
from launcher.core.paths import Workspace


def test_every_kind_begins_with_the_official_place_and_offers_another_group() -> None:
    """But ModelScope, which nobody mirrors."""
    mirrors = read_mirrors()
    for kind in KINDS:
        first, *others = mirrors.of(kind)
        assert first.official, kind
        assert ({mirror.group for mirror in others} - {first.group}) or kind == "modelscope", kind


def test_at_least_three_groups_of_package_mirrors() -> None:
    assert len({mirror.group for mirror in read_mirrors().packages if not mirror.official}) >= 3


def test_those_who_ask_each_other_are_one_group() -> None:
    assert len({mirror.group for mirror in read_mirrors().packages if mirror.name in ("tuna", "ustc", "sjtu")}) == 1


def test_torch_mirrors_take_the_tag() -> None:
    mirrors = read_mirrors()
    assert all(mirror.checked for kind in KINDS for mirror in mirrors.of(kind)), "of ours somebody has asked every one"
    for mirror in mirrors.torch:
        assert mirror.official or str(mirror.index("cu130")).count("cu130") == 1


RELEASE = "https://github.com/a/b/releases/download/20261110/cpython-3.12.16%2B20261110.tar.gz"


@pytest.mark.parametrize(
    ("style", "url", "official", "expected"),
    [
        ("endpoint", "https://m.example/", "https://huggingface.co/a/b/resolve/main/c",
         "https://m.example/a/b/resolve/main/c"),
        ("endpoint", "https://m.example", "https://raw.githubusercontent.com/a/b/main/c", None),
        ("prefix", "https://m.example", RELEASE, f"https://m.example/{RELEASE}"),
        ("release-folder", "https://m.example/b/", RELEASE,
         "https://m.example/b/20261110/cpython-3.12.16%2B20261110.tar.gz"),
        ("release-folder", "https://m.example/b", "https://github.com/a/b/archive/main.zip", None),
    ],
)  # fmt: skip
def test_where_a_mirror_has_a_file(style: Style, url: str, official: str, expected: str | None) -> None:
    assert Mirror("m", "m", None, url=url, style=style).rewritten(official) == expected
    assert Mirror("o", "o", None, official=True).rewritten(official) == official


@pytest.mark.parametrize("style", ["endpoint", "prefix", "release-folder"])
@pytest.mark.parametrize(
    "secret", [RELEASE.replace("://", "://me:ghp_s3cret@"), f"{RELEASE}?token=s3cret", f"{RELEASE}?X-Amz-Signature=1"]
)
def test_an_address_that_may_hold_a_secret_is_no_mirrors_business(style: Style, secret: str) -> None:
    assert Mirror("m", "m", None, url="https://m.example/", style=style).rewritten(secret) is None


def test_whose_file_an_address_names() -> None:
    assert kind_of("https://huggingface.co/a/b/resolve/main/c") == "huggingface"
    assert kind_of(RELEASE) == "github"
    assert kind_of("https://elsewhere.example/github.com/") is None


ENTRY = '[[{kind}]]\nname = "{name}"\ngroup = "g"\nchecked = 2026-01-01\n'
SAMPLES = "".join(f'[samples.{kind}]\nurl = "https://{kind}.example/f"\n' for kind in KINDS[2:5])
REST = f'[measuring]\nmib = 1\nseconds = 8.0\nhours = 24\nbench_minutes = 30\n[samples]\npackages = ["a"]\n{SAMPLES}'


def file_with(tmp_path: Path, extra: str) -> Path:
    kinds = [kind for kind in KINDS if kind != "packages"]
    text = extra + "".join(ENTRY.format(kind=kind, name="o") + "official = true\n" for kind in kinds) + REST
    path = tmp_path / "mirrors.toml"
    path.write_text(text)
    return path


PACKAGES = ENTRY.format(kind="packages", name="a")
OFFICIAL = ENTRY.format(kind="packages", name="o") + "official = true\n"


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
        (PACKAGES + 'url = "https://x.example"\nstyle = "index"\n', "official"),
        (OFFICIAL + PACKAGES + 'url = "https://x.example"\nstyle = "index"\nlibraries = "ftp://x"\n', "https://"),
        (PACKAGES.replace("2026-01-01", '"2026"') + "official = true\n", "checked"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, entries: str, said: str) -> None:
    with pytest.raises(LauncherError, match="bad-facts") as failure:
        read_mirrors(file_with(tmp_path, entries))
    assert said in str(failure.value)
    assert "packages" in str(failure.value)


def test_a_right_one_is_read(tmp_path: Path) -> None:
    file = file_with(tmp_path, OFFICIAL + PACKAGES + 'url = "https://x.example"\nstyle = "index"\n')
    assert read_mirrors(file).packages[1].url == "https://x.example"


def test_the_users_own_come_first_and_replace_those_of_their_name(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    own = ENTRY.format(kind="packages", name="tuna") + 'url = "http://10.1.2.3/simple"\nstyle = "index"\n'
    (tmp_path / "mirrors.toml").write_text(own)
    packages = read_mirrors(workspace=workspace).packages
    assert packages[0].url == "http://10.1.2.3/simple"
    assert [mirror.name for mirror in packages].count("tuna") == 1
    assert any(mirror.official for mirror in packages)
    (tmp_path / "mirrors.toml").write_text(own + "colour = 1\n")
    with pytest.raises(LauncherError, match="colour") as failure:
        read_mirrors(workspace=workspace)
    assert str(tmp_path) in str(failure.value)
    assert "came with Gesso" not in str(failure.value.hint)
    (tmp_path / "mirrors.toml").write_text(own.replace("checked = 2026-01-01\n", ""))
    assert read_mirrors(workspace=workspace).packages[0].checked is None
    (tmp_path / "mirrors.toml").write_text(OFFICIAL)
    with pytest.raises(LauncherError, match="bad-facts"):
        read_mirrors(workspace=workspace)


@pytest.mark.parametrize(
    "url", ["https://m.example/simple", "http://127.0.0.1:8080", "http://192.168.1.5/x", "http://[::1]/"]
)
def test_an_address_of_ones_own(url: str) -> None:
    mirror = own_mirror("packages", url)
    assert (mirror.url, mirror.style, mirror.official) == (url, "index", False)


@pytest.mark.parametrize(
    "url", ["http://m.example", "ftp://m.example", "m.example", "", "https://", "http://[x", "file:///x"]
)
def test_what_is_no_address_to_fetch_from(url: str) -> None:
    with pytest.raises(LauncherError, match="bad-mirror"):
        own_mirror("packages", url)


@pytest.mark.parametrize("sign", ["?token=s3cret", "#top"])
def test_an_address_behind_which_no_file_can_be_named_is_refused(sign: str) -> None:
    with pytest.raises(LauncherError, match="bad-mirror") as refused:
        own_mirror("huggingface", f"https://m.example/hf{sign}")
    assert "s3cret" not in str(refused.value.message)
    if sign.startswith("?"):
        assert own_mirror("github", "https://m.example/?url=").rewritten(RELEASE) == f"https://m.example/?url={RELEASE}"


def test_official_is_no_name_for_ones_own(tmp_path: Path) -> None:
    text = '[[github]]\nname = "official"\ngroup = "x"\nurl = "https://mine.example"\nstyle = "prefix"\n'
    (tmp_path / "mirrors.toml").write_text(text)
    with pytest.raises(LauncherError, match="bad-facts"):
        read_mirrors(workspace=Workspace(tmp_path))
