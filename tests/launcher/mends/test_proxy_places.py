"""Proxies that the user has named for other programs, wrongly: git's settings, his variables, the file of his shell."""

import shutil
import subprocess
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.mends import journal, proxy_places
from launcher.core.mends.proxy_places import with_value
from tests.fakes.fake_proxy import FakeProxy
from tests.fakes.fault_server import FaultServer
from tests.launcher.mends.mending import exhaust, here_in
from tests.launcher.mends.test_proxy_mends import Service, dead_place

#: as libraries take their proxy from the variable
ASK = (
    "import os, sys, urllib3; "
    "print(urllib3.ProxyManager(os.environ['http_proxy']).request('GET', sys.argv[1], retries=False).status)"
)


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    monkeypatch.setattr("launcher.core.network.proxies.ask_system", lambda environ: ())
    monkeypatch.setattr("launcher.core.mends.proxies.USUAL_PORTS", ())
    monkeypatch.setattr("launcher.core.mends.proxies._PATIENCE", 1.5)


@pytest.fixture
def here(tmp_path):
    return here_in(tmp_path, SHELL="/bin/bash")


@pytest.fixture
def service():
    """What a way out is tried with."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/file"
    server.shutdown()
    server.server_close()


def git(here, *words, cwd=None):
    return subprocess.run(["git", *words], env=dict(here.environ), cwd=cwd, capture_output=True, text=True, check=False)


def in_a_new_terminal(here, url):
    if sys.platform == "win32" or shutil.which("bash") is None:
        pytest.skip("asks a shell")
    line = f'"{sys.executable}" -c "{ASK}" "{url}"'
    said = subprocess.run(["bash", "-ic", line], env=dict(here.environ), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)  # fmt: skip
    return said.stdout.strip() or said.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("written", ["{place}", "localhost:{port}", "https://{place}"])
def test_the_users_variable_is_written_so_that_programs_understand_it(here, service, written):
    with FakeProxy() as proxy:
        value = written.format(place=proxy.place, port=proxy.place.partition(":")[2])
        file = Path(here.environ["HOME"]) / ".bashrc"
        file.write_text(f'# my own\nexport http_proxy="{value}"  # Clash\nexport https_proxy={value}\nalias a=b\n')
        before = file.read_bytes()
        assert "Error" in in_a_new_terminal(here, service) or "Unknown" in in_a_new_terminal(here, service)
        shown = journal.preview(here, "repair-proxy", {"url": service})
        assert {str(each.what) for each in shown.changes} == {f"http_proxy in {file}", f"https_proxy in {file}"}
        assert file.read_bytes() == before
        _, mended = exhaust(journal.mend(here, "repair-proxy", {"url": service}))
        assert mended.still is None
        assert in_a_new_terminal(here, service) == "200"
        assert file.read_text().startswith("# my own\n")
        assert "# Clash\n" in file.read_text()
        assert journal.preview(here, "repair-proxy", {"url": service}) is None
        exhaust(journal.undo(here, mended.number))
        assert file.read_bytes() == before


@pytest.fixture
def repository(here, tmp_path):
    """One to clone, as a web server without git's own program has it."""
    made = tmp_path / "served" / "add-on.git"
    assert git(here, "init", "--quiet", "--bare", str(made)).returncode == 0
    work = tmp_path / "work"
    git(here, "clone", "--quiet", str(made), str(work))
    git(
        here,
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b.example",
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        "one",
        cwd=work,
    )
    git(here, "push", "--quiet", "origin", "HEAD", cwd=work)
    git(here, "update-server-info", cwd=made)
    with FaultServer(made.parent) as server:
        yield server.url("ok", "add-on.git")


def cloned(here, tmp_path, address):
    target = tmp_path / "cloned"
    shutil.rmtree(target, ignore_errors=True)
    return git(here, "clone", "--quiet", address, str(target)).returncode == 0


def test_gits_dead_proxy_is_taken_out_where_the_way_is_open_without_it(here, tmp_path, repository, service):
    git(here, "config", "--global", "http.proxy", f"http://{dead_place()}")
    value = git(here, "config", "--global", "http.proxy").stdout
    assert not cloned(here, tmp_path, repository)
    shown = journal.preview(here, "without-proxy", {"url": service})
    assert [(str(each.what), each.after) for each in shown.changes] == [
        ("git's setting http.proxy, for your user", None)
    ]
    _, mended = exhaust(journal.mend(here, "without-proxy", {"url": service}))
    assert mended.still is None
    assert cloned(here, tmp_path, repository)
    exhaust(journal.undo(here, mended.number))
    assert git(here, "config", "--global", "http.proxy").stdout == value
    assert not cloned(here, tmp_path, repository)


def test_gits_proxy_of_the_wrong_kind_is_written_as_it_works(here, tmp_path, repository, service):
    with FakeProxy() as proxy:
        git(here, "config", "--global", "http.proxy", f"https://{proxy.place}")
        assert not cloned(here, tmp_path, repository)
        _, mended = exhaust(journal.mend(here, "repair-proxy", {"url": service}))
        assert mended.still is None
        assert git(here, "config", "--global", "http.proxy").stdout.strip() == proxy.url
        assert cloned(here, tmp_path, repository)
        assert proxy.asked
        exhaust(journal.undo(here, mended.number))
        assert git(here, "config", "--global", "http.proxy").stdout.strip() == f"https://{proxy.place}"


def test_gits_proxy_that_answers_stays(here, service):
    with FakeProxy() as proxy:
        git(here, "config", "--global", "http.proxy", proxy.place)
        assert journal.preview(here, "without-proxy", {"url": service}) is None
        assert journal.preview(here, "repair-proxy", {"url": service}) is None


def test_what_was_changed_since_stays_and_the_rest_goes_back(here, service):
    with FakeProxy() as proxy:
        file = Path(here.environ["HOME"]) / ".bashrc"
        file.write_text(f"export http_proxy={proxy.place}\n")
        git(here, "config", "--global", "http.proxy", f"https://{proxy.place}")
        _, mended = exhaust(journal.mend(here, "repair-proxy", {"url": service}))
        git(here, "config", "--global", "http.proxy", "http://127.0.0.1:7897")
        events, _ = exhaust(journal.undo(here, mended.number))
        assert "git's setting http.proxy, for your user has been changed since" in " ".join(
            str(each.text) for each in events
        )
        assert file.read_text() == f"export http_proxy={proxy.place}\n"
        assert git(here, "config", "--global", "http.proxy").stdout.strip() == "http://127.0.0.1:7897"


def test_nothing_is_taken_back_where_all_was_changed_since(here, service):
    with FakeProxy() as proxy:
        git(here, "config", "--global", "http.proxy", f"https://{proxy.place}")
        _, mended = exhaust(journal.mend(here, "repair-proxy", {"url": service}))
        git(here, "config", "--global", "http.proxy", "http://127.0.0.1:7897")
        with pytest.raises(LauncherError) as caught:
            exhaust(journal.undo(here, mended.number))
        assert caught.value.code == "mend-changed-since"
        assert git(here, "config", "--global", "http.proxy").stdout.strip() == "http://127.0.0.1:7897"


def test_only_the_line_that_was_changed_is_changed_back(here, service):
    """Two lines set the name; one is right already."""
    with FakeProxy() as proxy:
        file = Path(here.environ["HOME"]) / ".bashrc"
        before = (
            f"if true; then\n  http_proxy={proxy.url}\nfi\nhttp_proxy={proxy.place}\nhttp_proxy=https://{proxy.place}\n"
        )
        file.write_text(before)
        _, mended = exhaust(journal.mend(here, "repair-proxy", {"url": service}))
        assert file.read_text().count(f"http_proxy={proxy.url}\n") == 3
        exhaust(journal.undo(here, mended.number))
        assert file.read_text() == before


def test_windows_variables_of_this_user(here, service, monkeypatch):
    with FakeProxy() as proxy:
        kept = {"HTTP_PROXY": proxy.place, "HTTPS_PROXY": proxy.url}
        monkeypatch.setattr(proxy_places, "read_user_variable", kept.get)
        monkeypatch.setattr(proxy_places, "write_user_variable", kept.__setitem__)
        _, mended = exhaust(journal.mend(here, "repair-proxy", {"url": service}))
        assert kept == {"HTTP_PROXY": proxy.url, "HTTPS_PROXY": proxy.url}
        exhaust(journal.undo(here, mended.number))
        assert kept["HTTP_PROXY"] == proxy.place


def test_one_that_cannot_be_written_leaves_the_others_as_they_were(here, service, monkeypatch):
    def refuse(name, value):
        raise PermissionError(13, "Permission denied")

    with FakeProxy() as proxy:
        git(here, "config", "--global", "http.proxy", f"https://{proxy.place}")
        monkeypatch.setattr(proxy_places, "read_user_variable", {"HTTP_PROXY": proxy.place}.get)
        monkeypatch.setattr(proxy_places, "write_user_variable", refuse)
        with pytest.raises(LauncherError) as caught:
            exhaust(journal.mend(here, "repair-proxy", {"url": service}))
        assert caught.value.code == "no-permission"
        assert git(here, "config", "--global", "http.proxy").stdout.strip() == f"https://{proxy.place}"
        assert journal.done(here) == ()


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("export http_proxy=a:1\n", "export http_proxy=NEW\n"),
        ("  http_proxy='a:1'\r\n", "  http_proxy='NEW'\r\n"),
        ("set -gx http_proxy a:1\n", "set -gx http_proxy NEW\n"),
        ("export http_proxy=$PROXY\n", None),
        ("# export http_proxy=a:1\n", None),
        ("export http_proxy=b:1\n", None),
        ("export no_proxy=a:1\n", None),
        ("export http_proxy=a:1 https_proxy=a:1\n", None),
    ],
)
def test_the_line_that_sets_it_and_no_other(text, changed):
    assert with_value(text, "http_proxy", "a:1", "NEW") == (changed or text)


def test_of_several_lines_the_one_that_is_meant():
    assert (
        with_value("http_proxy=a:1\nhttp_proxy=a:1\n", "http_proxy", "a:1", "N", 1) == "http_proxy=a:1\nhttp_proxy=N\n"
    )
