"""Proxies written wrongly, dead, or in the way of this computer itself: caused on the loopback, mended, taken back."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from launcher.core.errors import LauncherError
from launcher.core.mends import journal, local_no_proxy, proxies, way_out
from launcher.core.mends.local_no_proxy import completed
from launcher.core.mends.mend import Here
from launcher.core.mends.user_variables import added, block_of, has_block, line_ends, start_file, taken_out
from launcher.core.network.mirrors import read_mirrors
from launcher.core.network.routes import find_route
from launcher.core.settings import change_setting, read_settings
from tests.fakes.fake_proxy import FakeProxy
from tests.launcher.mends.mending import exhaust, here_in


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """No desktop is asked, and what else may listen on this computer is not offered."""
    monkeypatch.setattr("launcher.core.network.proxies.ask_system", lambda environ: ())
    monkeypatch.setattr("launcher.core.mends.proxies.USUAL_PORTS", ())
    monkeypatch.setattr("launcher.core.mends.proxies._PATIENCE", 1.5)


@pytest.fixture
def far(monkeypatch):
    """The address of a service that no rule takes for one near by; its name leads to the loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    asked = socket.getaddrinfo

    def found(host, *words, **more):
        return asked("127.0.0.1" if host == "far.example" else host, *words, **more)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    yield f"http://far.example:{server.server_port}/file"
    server.shutdown()
    server.server_close()


@pytest.fixture
def here(tmp_path):
    return here_in(tmp_path, PIP_CONFIG_FILE=os.devnull)


def fetched(here, url):
    """As Gesso fetches: by the way that its own route says."""
    route = find_route(read_mirrors(), read_settings(here.workspace).proxy, here.environ)
    proxy = route(url)
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, proxies={"http": proxy, "https": proxy} if proxy else {}, timeout=2).text


def dead_place():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize(
    ("mode", "written"),
    [("works", "https://{place}"), ("works", "socks5://{place}"), ("socks", "http://{place}"), ("works", "{port}")],
)
def test_a_proxy_written_wrongly_is_written_as_it_works(here, far, mode, written):
    with FakeProxy(mode) as proxy:
        address = written.format(place=proxy.place, port=proxy.place.partition(":")[2])
        change_setting(here.workspace, "proxy.address", address)
        with pytest.raises((requests.RequestException, LauncherError)):
            fetched(here, far)
        shown = journal.preview(here, "repair-proxy", {"url": far})
        assert [(each.before, each.after) for each in shown.changes] == [(address, proxy.url)]
        assert read_settings(here.workspace).proxy.address == address
        _, mended = exhaust(journal.mend(here, "repair-proxy", {"url": far}))
        assert mended.still is None
        assert fetched(here, far) == "ok"
        assert journal.preview(here, "repair-proxy", {"url": far}) is None
        exhaust(journal.undo(here, mended.number))
        assert read_settings(here.workspace).proxy.address == address
        with pytest.raises((requests.RequestException, LauncherError)):
            fetched(here, far)


def test_a_proxy_of_the_environment_is_repaired_in_gessos_own_settings(here, far):
    with FakeProxy() as proxy:
        there = Here(here.workspace, {**here.environ, "HTTPS_PROXY": f"https://{proxy.place}"})
        _, mended = exhaust(journal.mend(there, "repair-proxy", {"url": far}))
        assert mended.still is None
        assert read_settings(here.workspace).proxy.address == proxy.url
        exhaust(journal.undo(there, mended.number))
        assert read_settings(here.workspace).proxy.address is None


def test_a_proxy_that_moved_to_the_port_of_another_program_is_found(here, far, monkeypatch):
    with FakeProxy() as proxy:
        monkeypatch.setattr("launcher.core.mends.proxies.USUAL_PORTS", (int(proxy.place.partition(":")[2]),))
        change_setting(here.workspace, "proxy.address", f"http://{dead_place()}")
        _, mended = exhaust(journal.mend(here, "repair-proxy", {"url": far}))
        assert mended.still is None
        assert fetched(here, far) == "ok"


def test_a_password_in_the_address_is_shown_to_nobody(here, far):
    with FakeProxy() as proxy:
        change_setting(here.workspace, "proxy.address", f"https://painter:s3cret@{proxy.place}")
        shown = journal.preview(here, "repair-proxy", {"url": far})
        assert "s3cret" not in str(shown)
        events, _ = exhaust(journal.mend(here, "repair-proxy", {"url": far}))
        assert "s3cret" not in str(events) + str(journal.done(here))
        assert "s3cret" in str(read_settings(here.workspace).proxy.address)


def test_a_proxy_that_is_nowhere_is_said(here, far):
    change_setting(here.workspace, "proxy.address", f"http://{dead_place()}")
    with pytest.raises(LauncherError) as caught:
        journal.preview(here, "repair-proxy", {"url": far})
    assert caught.value.code == "cannot-mend"


def test_a_proxy_that_works_stays(here, far):
    with FakeProxy() as proxy:
        change_setting(here.workspace, "proxy.address", proxy.place)
        assert journal.preview(here, "repair-proxy", {"url": far}) is None
    assert journal.preview(here_in(Path(here.workspace.root)), "repair-proxy", {"url": far}) is None, "none is set"


@pytest.mark.parametrize("mode", ["refuses", "gateway", "dead"])
def test_a_proxy_in_the_way_is_left_out_where_the_way_is_open_without_it(here, far, mode):
    with FakeProxy(mode if mode != "dead" else "works") as proxy:
        change_setting(here.workspace, "proxy.address", f"http://{dead_place()}" if mode == "dead" else proxy.url)
        before = read_settings(here.workspace).proxy.address
        failed = None
        try:
            failed = fetched(here, far)
        except requests.RequestException as error:
            failed = error
        assert failed != "ok"
        shown = journal.preview(here, "without-proxy", {"url": far})
        assert [(each.before, each.after) for each in shown.changes] == [(before, "none")]
        _, mended = exhaust(journal.mend(here, "without-proxy", {"url": far}))
        assert mended.still is None
        assert fetched(here, far) == "ok"
        exhaust(journal.undo(here, mended.number))
        assert read_settings(here.workspace).proxy.address == before


def test_the_proxy_stays_where_nothing_is_reached_without_it(here):
    with FakeProxy() as proxy:
        change_setting(here.workspace, "proxy.address", proxy.url)
        with pytest.raises(LauncherError) as caught:
            exhaust(journal.mend(here, "without-proxy", {"url": f"http://{dead_place()}/"}))
        assert caught.value.code == "cannot-mend"
        assert read_settings(here.workspace).proxy.address == proxy.url


@pytest.fixture
def services(monkeypatch, far):
    """What is needed besides models; each is what `far` says or lies where nothing answers."""
    closed = f"http://{dead_place()}/"

    def put(**answering):
        found = tuple(
            way_out.Need(name, (closed, far) if answers else (closed,)) for name, answers in answering.items()
        )
        monkeypatch.setattr("launcher.core.mends.proxies.needs", lambda here, values: found)

    return put


def test_the_proxy_stays_where_not_all_is_reached_without_it(here, services):
    """A proxy program that is not started; the place for packages answers directly, as it does everywhere."""
    services(packages=True, huggingface=False, github=False)
    change_setting(here.workspace, "proxy.address", f"http://{dead_place()}")
    before = read_settings(here.workspace).proxy.address
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.mend(here, "without-proxy", {}))
    assert caught.value.code == "cannot-mend"
    assert str(caught.value.message) == ("Without the proxy these answer: packages. These do not: huggingface, github.")
    assert read_settings(here.workspace).proxy.address == before
    services(packages=True, huggingface=True, github=True)
    assert "packages, huggingface, github" in str(journal.preview(here, "without-proxy", {}).remark)
    _, mended = exhaust(journal.mend(here, "without-proxy", {}))
    assert mended.still is None
    services(packages=True, huggingface=True, github=False)
    assert "github" in str(proxies.WITHOUT_PROXY.verify(here, {}))


def test_gessos_proxy_that_works_stays_when_gits_dead_one_goes(here, services):
    services(packages=True)
    subprocess.run(
        ["git", "config", "--global", "http.proxy", f"http://{dead_place()}"], env=dict(here.environ), check=True
    )
    with FakeProxy() as proxy:
        change_setting(here.workspace, "proxy.address", proxy.url)
        shown = journal.preview(here, "without-proxy", {})
    assert [each.after for each in shown.changes] == [None]


def test_every_service_that_is_needed_is_named_with_its_mirrors(here):
    """Either place for models is enough, and a place that the user has chosen has no other beside it."""
    change_setting(here.workspace, "mirrors.github", "official")
    found = {each.name: each.urls for each in way_out.needs(here, {})}
    assert list(found)[-2:] == ["huggingface/modelscope", "github"]
    assert len(found["huggingface/modelscope"]) > 2
    assert [url.split("/")[2] for url in found["github"]] == ["github.com"]
    assert way_out.needs(here, {"url": "https://far.example/file"})[0].name == "far.example"


def test_a_proxy_that_the_user_has_chosen_since_is_not_taken_back(here, far):
    with FakeProxy("refuses") as proxy:
        change_setting(here.workspace, "proxy.address", proxy.url)
        _, mended = exhaust(journal.mend(here, "without-proxy", {"url": far}))
        change_setting(here.workspace, "proxy.address", "http://127.0.0.1:7897")
        with pytest.raises(LauncherError) as caught:
            exhaust(journal.undo(here, mended.number))
        assert caught.value.code == "mend-changed-since"
        assert read_settings(here.workspace).proxy.address == "http://127.0.0.1:7897"


# --- local-no-proxy

ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


@pytest.fixture
def page():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


def in_a_new_terminal(here, url):
    """As a user starts a program: by the shell of a terminal that has just been opened."""
    line = f'"{sys.executable}" -I -c "{ASK}" "{url}"'
    environ = {**here.environ, "HISTFILE": ""}
    return subprocess.run(
        ["bash", "-ic", line], env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    ).stdout.strip()


@pytest.fixture
def behind(tmp_path):
    """The user's own file sets a proxy that refuses everything, and another exception."""
    if sys.platform == "win32" or shutil.which("bash") is None:
        pytest.skip("asks a shell")
    with FakeProxy("gateway") as proxy:
        here = here_in(tmp_path, SHELL="/bin/bash", http_proxy=proxy.url)
        file = Path(here.environ["HOME"]) / ".bashrc"
        file.write_text(f"export http_proxy={proxy.url}\nexport NO_PROXY=models.example")
        yield here, file


def test_programs_of_the_user_reach_this_computer_again(behind, page):
    here, file = behind
    before = file.read_bytes()
    assert in_a_new_terminal(here, page) == ""
    shown = journal.preview(here, "local-no-proxy", {})
    assert str(file) in str(shown.changes[0].what)
    assert "localhost,127.0.0.1,::1" in str(shown.changes[0].after)
    _, mended = exhaust(journal.mend(here, "local-no-proxy", {}))
    assert mended.still is None
    assert in_a_new_terminal(here, page) == "ok"
    told = subprocess.run(["bash", "-ic", "echo $NO_PROXY $no_proxy"], env=dict(here.environ), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False).stdout.split()  # fmt: skip
    assert told == ["models.example,localhost,127.0.0.1,::1"] * 2
    exhaust(journal.undo(here, mended.number))
    assert file.read_bytes() == before
    assert in_a_new_terminal(here, page) == ""


def test_what_the_user_has_written_since_stays_and_our_lines_go(behind):
    here, file = behind
    before = file.read_text()
    _, mended = exhaust(journal.mend(here, "local-no-proxy", {}))
    file.write_text(file.read_text() + "alias draw=gesso\n")
    exhaust(journal.undo(here, mended.number))
    assert file.read_text() == before + "\nalias draw=gesso\n"


def test_lines_of_ours_that_the_user_has_changed_stay(behind):
    here, file = behind
    _, mended = exhaust(journal.mend(here, "local-no-proxy", {}))
    file.write_text(file.read_text().replace("::1", "::1,printer.example"))
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.undo(here, mended.number))
    assert caught.value.code == "mend-changed-since"
    assert "printer.example" in file.read_text()


def test_nothing_of_the_users_file_is_kept_in_the_journal(behind):
    here, file = behind
    file.write_text("export TOKEN=hf_secret\n" + file.read_text())
    exhaust(journal.mend(here, "local-no-proxy", {}))
    assert "hf_secret" not in (here.workspace.state / journal.FILE).read_text()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"https_proxy": "http://127.0.0.1:7890", "no_proxy": "localhost,127.0.0.1"},
        {"no_proxy": "*", "http_proxy": "x:1"},
    ],
)
def test_where_nothing_is_in_the_way_nothing_is_written(tmp_path, environ):
    assert journal.preview(here_in(tmp_path, **environ), "local-no-proxy", {}) is None


def test_a_file_that_was_not_there_is_not_there_afterwards(tmp_path):
    here = here_in(tmp_path, SHELL="/bin/zsh", http_proxy="http://127.0.0.1:7890")
    _, mended = exhaust(journal.mend(here, "local-no-proxy", {}))
    file = Path(here.environ["HOME"]) / ".zshrc"
    assert "NO_PROXY" in file.read_text()
    exhaust(journal.undo(here, mended.number))
    assert not file.exists()


def test_the_file_that_sets_the_proxy_is_the_one(tmp_path):
    (tmp_path / ".bash_profile").write_text("export HTTPS_PROXY=http://127.0.0.1:7890\n")
    assert start_file({"HOME": str(tmp_path), "SHELL": "/usr/bin/bash"}) == tmp_path / ".bash_profile"
    assert start_file({"HOME": str(tmp_path), "SHELL": "/usr/bin/fish"}) == tmp_path / ".config/fish/config.fish"
    assert start_file({}) is None


@pytest.mark.parametrize("text", ["", "a\n", "a", "a\r\nb\r\n", "a\r\nb", "\udcff\n"])
def test_our_lines_go_in_and_out_again(text):
    block = block_of("x", ("export A=1",), line_ends(text))
    once = added(text, block)
    assert "export A=1" in once.splitlines()
    assert has_block(once, "x")
    assert not has_block(text, "x")
    assert taken_out(once, block, joined=bool(text) and not text.endswith("\n")) == text
    assert taken_out(text, block, joined=False) is None


class Registry:
    """What stands in for Windows' registry: the two calls that the mend makes."""

    def __init__(self, **values):
        self.values = values

    def read(self, name):
        return self.values.get(name)

    def write(self, name, value):
        if value is None:
            del self.values[name]
        else:
            self.values[name] = value


@pytest.mark.parametrize("before", [None, "models.example;127.0.0.1", ""])
def test_on_windows_it_is_the_users_own_variable(tmp_path, monkeypatch, before):
    registry = Registry(**({} if before is None else {"NO_PROXY": before}))
    monkeypatch.setattr(local_no_proxy, "_WINDOWS", True)
    monkeypatch.setattr(local_no_proxy, "read_user_variable", registry.read)
    monkeypatch.setattr(local_no_proxy, "write_user_variable", registry.write)
    here = here_in(tmp_path, http_proxy="http://127.0.0.1:7890")
    shown = journal.preview(here, "local-no-proxy", {})
    assert (shown.changes[0].before, shown.changes[0].after) == (before, completed(before))
    _, mended = exhaust(journal.mend(here, "local-no-proxy", {}))
    assert mended.still is None
    assert registry.values["NO_PROXY"].split(",")[-3:] != []
    assert {"localhost", "127.0.0.1", "::1"} <= set(registry.values["NO_PROXY"].split(","))
    exhaust(journal.undo(here, mended.number))
    assert registry.values.get("NO_PROXY") == before
    exhaust(journal.mend(here, "local-no-proxy", {}))
    registry.values["NO_PROXY"] = "mine"
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.undo(here, 2))
    assert caught.value.code == "mend-changed-since"
