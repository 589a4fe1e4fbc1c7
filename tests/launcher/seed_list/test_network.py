"""Mirrors that are slow or dead, git without a proxy, proxies written wrongly or gone, an API that nobody serves."""

from __future__ import annotations

import functools
import hashlib
import re
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from launcher.core.mends import journal, other_mirror
from launcher.core.mends.mend import Here
from launcher.core.network import mirrors as mirror_list
from launcher.core.network.mirror_choice import chosen, look_around
from launcher.core.network.mirror_survey import samples
from launcher.core.paths import checkout, child_environment
from launcher.core.settings import change_setting, read_settings
from launcher.core.update.source import find_sources
from tests.fakes.fake_proxy import FakeProxy
from tests.fakes.fault_server import FaultServer
from tests.launcher.core_act.workshop import lock_of, wheel
from tests.launcher.seed_list.staging import Patient, printed

ENTRY = '[[{kind}]]\nname = "{name}"\ngroup = "{name}"\nchecked = 2026-11-21\n{place}\n'
#: what stands in for a file of GitHub that mirrors are measured by
SAMPLE = bytes(range(256)) * 4000
REPOSITORY = "https://github.com/painter/brushes"
#: curl may be told where a host is since then
_RESOLVING_GIT = (2, 37)


@pytest.fixture
def list_of_mirrors(tmp_path, monkeypatch, here):
    """Writes a mirrors.toml of its own; a proxy that is not there keeps the real places from being asked."""
    monkeypatch.setattr(mirror_list, "checkout", lambda: tmp_path)
    change_setting(here.workspace, "proxy.address", "http://127.0.0.1:9")

    def write(kind, style, places, sample):
        text = (checkout() / "mirrors.toml").read_text(encoding="utf-8")
        kept = re.sub(rf"\[\[{kind}\]\]\n(?:[^\[\n].*\n|\n)*", "", text)
        kept = re.sub(rf"\[samples.{kind}\]\n(?:.+\n)*", sample, kept)
        kept = re.sub(r'^packages = \["sympy".*', 'packages = ["tiny"]', kept, flags=re.MULTILINE)
        kept = re.sub(r"^seconds = .*", "seconds = 1.0", kept, flags=re.MULTILINE)
        entries = [ENTRY.format(kind=kind, name="official", place="official = true")]
        for name, url in places.items():
            entries.append(ENTRY.format(kind=kind, name=name, place=f'url = "{url}"\nstyle = "{style}"'))
        (tmp_path / "mirrors.toml").write_text("".join(entries) + kept, encoding="utf-8")

    return write


def uv(index, target):
    words = ["-m", "uv", "pip", "install", "--no-cache", "--target", str(target), "--index-url", index, "tiny"]
    return [sys.executable, *words]


def pip(index, target):
    words = ["--timeout", "0.5", "--retries", "1", "--no-cache-dir", "--disable-pip-version-check"]
    return [sys.executable, "-m", "pip", "install", *words, "--target", str(target), "--index-url", index, "tiny"]


@pytest.mark.parametrize("program", [uv, pip])
@pytest.mark.parametrize(("fault", "slug"), [("silent", "net-pip-timeout"), ("refused", "net-unreachable")])
def test_a_mirror_that_is_slow_or_dead(patient: Patient, tmp_path, monkeypatch, list_of_mirrors, program, fault, slug):
    """Real: uv and pip, the socket that is silent or refuses, Gesso's measuring, the package that is installed in the
    end. Stand-ins: the mirrors are servers on the loopback.
    """
    if program is pip and subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode:
        pytest.skip("this Python has no pip")
    here = patient.here
    made = wheel(tmp_path / "index" / "tiny", "tiny", "1.0")
    lock = lock_of(tmp_path / "engine.txt", made)
    monkeypatch.setattr(other_mirror, "samples", functools.partial(samples, lock=lock))
    environ = {**here.environ, "UV_HTTP_TIMEOUT": "1", "UV_HTTP_RETRIES": "0", "UV_NO_CONFIG": "1"}
    with FaultServer(tmp_path / "index") as server:
        bad, good = server.url(fault).rstrip("/"), server.url().rstrip("/")
        list_of_mirrors("packages", "index", {"far": bad, "near": good}, "")
        change_setting(here.workspace, "mirrors.packages", "far")
        target = tmp_path / "installed"

        def install():
            around = look_around(here.workspace, here.environ, ("packages",))
            return printed(program(chosen(around, "packages").first.url, target), environ, tmp_path)

        code, log = install()
        assert code
        found = patient.diagnosed(log)
        assert (found.slug, found.mend) == (slug, "other-mirror")
        number = patient.mend(found)
        assert read_settings(here.workspace).mirrors.packages == "near"
        code, log = install()
        assert code == 0, log
        assert (target / "tiny" / "__init__.py").exists()
        patient.undo(number)
        assert read_settings(here.workspace).mirrors.packages == "far"


@pytest.fixture
def repository(tmp_path):
    """A bare repository, and the sample, as a mirror of GitHub has them below its own address."""
    root = tmp_path / "mirrored"
    folder = root / REPOSITORY
    work = tmp_path / "work"
    work.mkdir()
    (work / "brush.py").write_text("round = True\n")
    author = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    for words in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", *words], cwd=work, check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(folder)], check=True)
    subprocess.run(["git", "update-server-info"], cwd=folder, check=True)
    (folder / "sample.bin").write_bytes(SAMPLE)
    return root


def git_version():
    found = re.search(r"(\d+)\.(\d+)", subprocess.run(["git", "--version"], capture_output=True, text=True).stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


@pytest.mark.skipif(git_version() < _RESOLVING_GIT, reason="this git cannot be told where a host is")
def test_git_without_a_proxy(patient: Patient, tmp_path, list_of_mirrors, repository):
    """Real: git, its words, the refused connection, the mirror that is measured and cloned from with the words that
    Gesso's own update uses. Stand-ins: github.com is this computer, where nobody listens; the mirror is local.
    """
    here = patient.here
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]

    def clone(*said):
        there = REPOSITORY.replace("github.com", f"github.com:{port}") if not said else REPOSITORY
        told = ["-c", f"http.curloptResolve=github.com:{port}:127.0.0.1", *said]
        return printed(["git", *told, "clone", there, "brushes"], here.environ, tmp_path)

    code, log = clone()
    assert code
    found = patient.diagnosed(log)
    assert (found.slug, found.mend) == ("net-git-unreachable", "other-mirror")
    with FaultServer(repository) as server:
        digest = hashlib.sha256(SAMPLE).hexdigest()
        sample = f'[samples.github]\nurl = "{REPOSITORY}/sample.bin"\nbytes = {len(SAMPLE)}\nsha256 = "{digest}"\n'
        list_of_mirrors("github", "prefix", {"gone": server.url("500"), "near": server.url()}, sample)
        number = patient.mend(found)
        assert read_settings(here.workspace).mirrors.github == "near"
        source = find_sources(REPOSITORY, here.workspace, here.environ)[0]
        code, log = clone(*source.settings())
        assert code == 0, log
    assert (tmp_path / "brushes" / "brush.py").exists()
    patient.undo(number)
    assert read_settings(here.workspace).mirrors.github is None


class _Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@pytest.fixture
def far(monkeypatch):
    """A service whose name leads to the loopback for the proxy, which runs in this process."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    asked = socket.getaddrinfo

    def found(host, *words, **more):
        return asked("127.0.0.1" if host == "far.example" else host, *words, **more)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    yield f"http://far.example:{server.server_port}/"
    server.shutdown()
    server.server_close()


ASK = "import sys, requests; print(requests.get(sys.argv[1], timeout=5).text)"


def ask(url, proxy, environ, folder):
    command = [sys.executable, "-c", ASK, url]
    return printed(command, {**environ, "http_proxy": proxy, "https_proxy": proxy, "no_proxy": ""}, folder)


def test_a_proxy_that_refuses(patient: Patient, tmp_path, monkeypatch, far):
    """Real: requests, the closed port, the trial of the ports that proxies usually have. Stand-in: the proxy program,
    which has moved to another port.
    """
    here = patient.here
    with FakeProxy() as proxy, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{closed.getsockname()[1]}"
        closed.close()
        monkeypatch.setattr("launcher.core.mends.proxies.USUAL_PORTS", (int(proxy.place.partition(":")[2]),))
        change_setting(here.workspace, "proxy.address", gone)
        code, log = ask(far, gone, here.environ, tmp_path)
        assert code
        found = patient.diagnosed(log)
        assert (found.slug, found.mend) == ("net-proxy-broken", "repair-proxy")
        # The log names the proxy, not what was wanted: the trial needs an address that is within reach here.
        _trials_with(monkeypatch, far)
        number = patient.mend(found)
        now = read_settings(here.workspace).proxy.address
        code, log = ask(far, now, here.environ, tmp_path)
        assert (code, log.strip()) == (0, b"ok")
        patient.undo(number)
        assert read_settings(here.workspace).proxy.address == gone


def _trials_with(monkeypatch, url):
    monkeypatch.setattr("launcher.core.mends.proxies._targets", lambda here, values: (url,))


def test_a_proxy_without_its_scheme(patient: Patient, tmp_path, far):
    """Real: urllib3, which refuses such an address, and what Gesso hands to every program that it starts. Stand-in:
    the proxy.
    """
    code_of = "import os, sys, urllib3; p = urllib3.ProxyManager(os.environ['HTTP_PROXY']); "
    command = [sys.executable, "-c", code_of + "print(p.request('GET', sys.argv[1]).data.decode())", far]
    with FakeProxy() as proxy:
        environ = {**patient.here.environ, "HTTP_PROXY": proxy.place, "HTTPS_PROXY": proxy.place}
        code, log = printed(command, environ, tmp_path)
        assert code
        found = patient.diagnosed(log)
        assert (found.slug, found.mend) == ("net-proxy-broken", "repair-proxy")
        there = Here(patient.here.workspace, environ)
        assert journal.preview(there, "repair-proxy", {"url": far}) is None, "Gesso itself understands it"
        code, log = printed(command, child_environment(there.workspace, environ), tmp_path)
        assert (code, log.strip()) == (0, b"ok")


def test_failed_to_establish_a_connection_to_the_api(patient: Patient, tmp_path):
    """Real: requests and the closed port; afterwards a server listens there, and the same program gets its answer."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    command = [sys.executable, "-c", ASK, f"http://127.0.0.1:{port}/sdapi/v1/txt2img"]
    code, log = printed(command, patient.here.environ, tmp_path)
    assert code
    assert b"Failed to establish a new connection" in log
    assert patient.diagnosed(log).slug == "srv-not-running"
    server = ThreadingHTTPServer(("127.0.0.1", port), _Page)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        assert printed(command, patient.here.environ, tmp_path)[0] == 0
    finally:
        server.shutdown()
        server.server_close()


def test_failed_to_establish_a_connection_to_the_world(patient: Patient, tmp_path):
    """Real: requests and what the resolver of this computer says of a name that can never exist."""
    code, log = printed([sys.executable, "-c", ASK, "http://models.invalid/vae.pt"], patient.here.environ, tmp_path)
    assert code
    found = patient.diagnosed(log)
    assert (found.slug, found.mend) == ("net-unreachable", "other-mirror")
