"""What uv is told of pip's settings, and that the real uv then finds what pip would find."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uv import find_uv_bin

from launcher.core.errors import LauncherError
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.uv_settings import local_path, uv_arguments, uv_environment
from launcher.core.web_address import shown


def wheel(folder: Path, name: str, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def index(root: Path, **versions: str) -> str:
    """A simple index on the disk, with a page for each package."""
    for name, version in versions.items():
        path = wheel(root / name, name, version)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        (path.parent / "index.html").write_text(f'<a href="{path.name}#sha256={digest}">{path.name}</a>')
    return root.as_uri()


def dry_run(
    tmp_path: Path, pip: PipSettings, *requirements: str, arguments: list[str] | None = None
) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
    environ |= {"UV_CACHE_DIR": str(tmp_path / "cache"), **uv_environment(pip, {})}
    return subprocess.run(
        [find_uv_bin(), "pip", "install", "--dry-run", "--offline", "--no-config", "--python", sys.executable,
         "--target", str(tmp_path / "target"), *(uv_arguments(pip) if arguments is None else arguments), *requirements],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_uv_finds_what_pip_would_find(tmp_path: Path) -> None:
    """An old version in the first index, a package only in the second, one in a folder; two places are gone."""
    links = tmp_path / "links with space"
    wheel(links, "third", "3.0")
    pip = PipSettings(
        index_url=index(tmp_path / "main", first="1.0"),
        extra_index_urls=(
            index(tmp_path / "old", first="0.5", second="1.5"),
            index(tmp_path / "new", first="2.0"),
            (tmp_path / "gone").as_uri(),
        ),
        find_links=(str(links), str(tmp_path / "no folder")),
    )
    done = dry_run(tmp_path, pip, "first==2.0", "second", "third")
    assert done.returncode == 0, done.stderr
    for installed in ("first==2.0", "second==1.5", "third==3.0"):
        assert installed in done.stderr
    # Without our arguments uv stops at the first index that knows the package: the reason for them.
    assert dry_run(tmp_path, pip, "first==2.0", arguments=[]).returncode != 0


def test_no_index_leaves_the_folders(tmp_path: Path) -> None:
    links = tmp_path / "links"
    wheel(links, "third", "3.0")
    pip = PipSettings(index_url=index(tmp_path / "main", first="1.0"), find_links=(links.as_uri(),), no_index=True)
    assert dry_run(tmp_path, pip, "third").returncode == 0
    assert dry_run(tmp_path, pip, "first").returncode != 0


def test_network_settings() -> None:
    pip = PipSettings(proxy="u:p@proxy.example:3128", cert="/own.pem", client_cert="/me.pem", timeout=12.4)
    told = uv_environment(pip, {"HTTPS_PROXY": "http://other"})
    assert told["HTTPS_PROXY"] == told["https_proxy"] == told["ALL_PROXY"] == "http://u:p@proxy.example:3128"
    assert (told["SSL_CERT_FILE"], told["SSL_CLIENT_CERT"], told["UV_HTTP_TIMEOUT"]) == ("/own.pem", "/me.pem", "12")


def test_a_proxy_of_pip_is_repaired_or_refused() -> None:
    assert uv_environment(PipSettings(proxy="socks://h:1080"), {})["all_proxy"] == "socks5h://h:1080"
    with pytest.raises(LauncherError, match="proxy-not-usable"):
        uv_environment(PipSettings(proxy="ftp://h:1080"), {})


def test_what_the_user_said_to_uv_itself_wins() -> None:
    pip = PipSettings("https://a.example", ("https://b.example",), timeout=5)
    environ = {"UV_DEFAULT_INDEX": "x", "UV_EXTRA_INDEX_URL": "y", "UV_HTTP_TIMEOUT": "9"}
    assert uv_environment(pip, environ) == {}


def test_no_password_on_the_command_line_and_no_certificate_unchecked() -> None:
    pip = PipSettings("https://u:secret@a.example", ("https://u:secret@b.example",), trusted_hosts=("a.example",))
    assert "secret" not in " ".join(uv_arguments(pip))
    everything = " ".join([*uv_arguments(pip), *uv_environment(pip, {})]).lower()
    assert "insecure" not in everything
    assert "trusted" not in everything


PLAIN = st.text("abcXYZ0189._~", min_size=1, max_size=12)
SECRET = st.text("abcXYZ0189@:/%?#=", min_size=1, max_size=12)


@given(PLAIN, SECRET, PLAIN, st.sampled_from(["https://", "http://", "socks5://"]))
def test_a_password_is_never_shown(user: str, password: str, host: str, scheme: str) -> None:
    address = f"{scheme}{user}:secret{password}@{host}/simple"
    assert shown(address) == f"{scheme}***@{host}/simple"


@given(PLAIN, PLAIN)
def test_a_proxy_without_scheme_is_covered_too(user: str, password: str) -> None:
    assert shown(f"{user}:{password}@proxy.example:3128") == "***@proxy.example:3128"


@pytest.mark.parametrize(
    "address", ["https://a.example/simple", "/wheels", "file:///srv/a@b/wheels", "C:\\a@b", "PyPI"]
)
def test_nothing_else_is_covered(address: str) -> None:
    assert shown(address) == address


def test_local_places() -> None:
    assert local_path("/a b") == Path("/a b")
    assert local_path("file:///a%20b") == Path("/a b")
    assert local_path("https://a.example/x") is None
