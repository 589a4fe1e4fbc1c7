"""Whatever git was told of certificates, who has none that counts is not asked for a newer version."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.git_calls import Git, environment
from launcher.core.update.releases import Told
from launcher.core.update.source import Source, ask
from tests.fakes.certificates import self_signed
from tests.launcher.update.conftest import environ, git

OFFICIAL = Source("official", "official", trusted=True)


class Forger(http.server.BaseHTTPRequestHandler):
    """Lists one release, as git asks for it over HTTP."""

    def do_GET(self) -> None:
        """The first half of git's smart protocol: lines with their lengths, 0000 after each part."""
        commit = "e" * 40
        lines = ["# service=git-upload-pack\n", "", f"{commit} refs/tags/v9.9.9\0agent=x\n", ""]
        answer = "".join(f"{len(line) + 4:04x}{line}" if line else "0000" for line in lines).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@dataclass(frozen=True)
class Forged:
    """A server with a certificate that nobody has signed, and a clone of what it shows."""

    base: str
    certificate: Path
    clone: Path
    #: git's own settings of the user
    settings: Path

    @property
    def url(self) -> str:
        return f"{self.base}gesso.git"

    def told(self, url: str = "", source: Source = OFFICIAL, more: Mapping[str, str] | None = None) -> Told:
        variables = {**environ(), "GIT_CONFIG_GLOBAL": str(self.settings), **(more or {})}
        (said,) = ask(Git("git", self.clone, environment(variables)), url or self.url, (source,), None)
        return said


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For 127.0.0.1, signed by itself; the key is in it."""
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def forged(certificate: Path, tmp_path: Path) -> Iterator[Forged]:
    clone = tmp_path / "clone"
    clone.mkdir()
    git(clone, "init", "-q")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forger) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Forged(f"https://127.0.0.1:{server.server_port}/", certificate, clone, tmp_path / "gitconfig")
        server.shutdown()


def test_a_certificate_that_the_user_made_known_counts(forged: Forged) -> None:
    """So that what is refused below is refused for its certificate."""
    git(forged.clone, "config", "http.sslCAInfo", str(forged.certificate))
    assert set(forged.told().releases or {}) == {"v9.9.9"}


@pytest.mark.parametrize("where", ["nowhere", "variable", "of the user", "of the clone", "of a call"])
def test_what_is_said_for_all_addresses_is_overruled(forged: Forged, where: str) -> None:
    more: dict[str, str] = {}
    if where == "variable":
        more["GIT_SSL_NO_VERIFY"] = "1"
    elif where == "of a call":
        more.update(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="http.sslVerify", GIT_CONFIG_VALUE_0="false")
        more["GIT_CONFIG_PARAMETERS"] = "'http.sslVerify=false'"
    elif where != "nowhere":
        file = forged.settings if where == "of the user" else forged.clone / ".git" / "config"
        git(forged.clone, "config", "--file", str(file), "http.sslVerify", "false")
    told = forged.told(more=more)
    assert told.releases is None
    assert "certificate" in told.why


@pytest.mark.parametrize("value", ["false", "0", "off", ""])
@pytest.mark.parametrize("path", ["", "gesso.git"])
def test_what_is_said_for_this_address_is_refused(forged: Forged, value: str, path: str) -> None:
    git(forged.clone, "config", f"http.{forged.base}{path}.sslVerify", value)
    with pytest.raises(LauncherError) as refused:
        forged.told()
    assert refused.value.code == "update-unchecked"
    assert forged.url in str(refused.value.message)


@pytest.mark.parametrize("whose", ["ours", "the user's"])
def test_the_address_is_the_one_behind_a_mirror(forged: Forged, whose: str) -> None:
    git(forged.clone, "config", f"http.{forged.base}.sslVerify", "false")
    if whose == "the user's":
        git(forged.clone, "config", f"url.{forged.base}.insteadOf", "https://github.com/")
    mirror = Source("mirror", "mirror", forged.base) if whose == "ours" else OFFICIAL
    with pytest.raises(LauncherError, match="update-unchecked"):
        forged.told("https://github.com/gesso.git", mirror)


def test_what_is_said_for_another_address_is_none_of_ours(forged: Forged) -> None:
    git(forged.clone, "config", "http.https://elsewhere.example/.sslVerify", "false")
    git(forged.clone, "config", "http.sslCAInfo", str(forged.certificate))
    assert set(forged.told().releases or {}) == {"v9.9.9"}


def test_addresses_without_certificates_are_not_asked_about(forged: Forged) -> None:
    git(forged.clone, "config", "http.sslVerify", "false")
    assert forged.told(forged.clone.as_uri()).releases == {}
