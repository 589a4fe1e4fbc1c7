"""No verb repeats a password or a token, wherever it was written: as a word of the command line or in config.toml."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launcher.__main__ import main
from launcher.core.network import proxies
from tests.fakes.fault_server import FaultServer

BARE = "user:s3cret@host"
MIRROR = "http://user:s3cret@h.example/"
PAGE = "https://user:s3cret@huggingface.co/a/b?token=s3cret"
BROKEN = "http://user:s3cret@[::1/x?token=s3cret"
FILE = "https://huggingface.co/owner/model/resolve/main/model.safetensors"

ASKED = [
    ("mirrors", "use", "packages", MIRROR),
    ("mirrors", "use", "packages", BARE),
    ("mirrors", "use", "packages", BROKEN),
    ("mirrors", "use", "huggingface", "https://user:s3cret@h.example/?token=s3cret"),
    ("mirrors", "use", "github", "https://user:s3cret@h.example/"),
    ("mirrors", "use", "github", "https://user:s3cret@h.example/", "--for-git"),
    ("mirrors", "list", MIRROR),
    ("mirrors", "show", BARE),
    ("mirrors", "test", "huggingface", "--file", BROKEN),
    ("mirrors", "test", "--file", "https://user:s3cret@h.example/x?token=s3cret"),
    ("mirrors", "test", "huggingface", "--file", FILE, "--only", BARE),
    ("mirrors", "test", "huggingface", "--file", FILE, "--only", BROKEN),
    ("proxy", "set", MIRROR),
    ("proxy", "set", BROKEN),
    ("proxy", "set", "http://h.example:1/?token=s3cret"),
    ("proxy", "test", "http://user:s3cret@127.0.0.1:9/x?token=s3cret"),
    ("proxy", "test", BROKEN),
    ("proxy", "test", f"ftp://{BARE}/"),
    ("proxy", "set", "user:pa/s3cret@host:80:80"),
    ("mirrors", "test", "--file", "huggingface.co/x?token=s3cret"),
    ("mirrors", "use", "packages", "h/simple?token=s3cret"),
    ("models", "add", PAGE),
    ("models", "add", BROKEN),
    ("models", "add", "{server}"),
    ("models", "link", PAGE),
    ("models", "unlink", PAGE),
    ("models", "download", PAGE),
    ("models", "verify", PAGE),
    ("models", "convert", PAGE),
    ("models", "list", "--family", MIRROR),
    ("profiles", "use", MIRROR),
    ("env", "switch", MIRROR),
    ("env", "remove", MIRROR),
    ("update", "--check", "--from", BROKEN),
    ("update", "--check", "--from", "http://user:s3cret@127.0.0.1:9/x?token=s3cret"),
    ("plan", "--python", MIRROR),
]
#: what reads config.toml and says something of it
READING = [
    ("mirrors", "list"), ("mirrors", "show"), ("proxy", "show"), ("plan",), ("status",), ("models", "list"),
    ("profiles", "list"), ("env", "list"), ("mirrors", "use", "torch", "measured"),
]  # fmt: skip
CONFIGS = {
    "right": f'[mirrors]\npackages = "https://{BARE}/simple"\nhuggingface = "https://{BARE}/?token=s3cret"\n'
    f'github = "https://{BARE}/"\n[proxy]\naddress = "http://{BARE}:1"\n',
    "wrong mirrors": f'[mirrors]\npackages = "{MIRROR}"\nhuggingface = "{BROKEN}"\ngithub = "{BARE}"\n',
    "wrong proxy": f'[proxy]\naddress = "{BROKEN}"\n',
}

Said = Callable[..., str]


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer(b"x" * 100) as server:
        yield server


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(proxies, "ask_system", lambda environ: ())
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))

    def call(*words: str) -> str:
        code = main([*words, "--root", str(tmp_path / "workspace")])
        both = "".join(capsys.readouterr())
        assert code != 3, both
        return both

    return call


@pytest.mark.parametrize("words", ASKED, ids=lambda words: " ".join(words[:2]))
def test_no_verb_repeats_a_secret(said: Said, server: FaultServer, tmp_path: Path, words: tuple[str, ...]) -> None:
    model = server.url("404", "model.safetensors").replace("://", "://user:s3cret@") + "?token=s3cret"
    spoken = [word.replace("{server}", model) for word in words]
    for more in ((), ("--json",)):
        both = said(*spoken, *more)
        assert both
        assert "s3cret" not in both
    assert not (tmp_path / "gitconfig").exists()


@pytest.mark.parametrize("words", READING, ids=" ".join)
@pytest.mark.parametrize("config", CONFIGS)
def test_what_config_toml_hides_stays_hidden(said: Said, tmp_path: Path, words: tuple[str, ...], config: str) -> None:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "config.toml").write_text(CONFIGS[config])
    for more in ((), ("--json",)):
        assert "s3cret" not in said(*words, *more)
