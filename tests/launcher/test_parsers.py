"""Every reader of strangers' input in the launcher: 500 inputs each of the long form's kind, and what that has found."""

# ruff: noqa: E501, ISC004 - tables, and looks at what was raised

from __future__ import annotations

import time

import pytest

from tests.release.any_input import holds_for_any_input
from tests.release.launcher_parsers import TARGETS
from tests.release.target import Target

#: what once ended otherwise than declared
FOUND = (
    ("proxy address", b"127.0.0.1:" + b"9" * 5000), ("proxy address", b"socks5://[::..1080]:1"),
    ("proxy address", b"h:" + b"9" * 5000 + b",x"), ("proxy sources", b"org.gnome.system.proxy ignore-hosts {[]: 1}"),
    ("proxy sources", b"org.gnome.system.proxy mode 'manual'\norg.gnome.system.proxy.http host 'h'\n"
                      b"org.gnome.system.proxy.http port 80\norg.gnome.system.proxy.http use-authentication true\n"
                      b"org.gnome.system.proxy.http authentication-user '\\ud800'"),
    ("addresses", b"http://[::1"), ("answer", b"200\nContent-Length: \xb2"), ("answer", b"200\nX-Linked-Size: \xb2"),
    ("answer", b"206\nContent-Range: bytes 0-1/" + b"9" * 5000), ("answer", b"503\nRetry-After: " + b"9" * 400),
    ("answer", b"503\nRetry-After: \xb2"), ("publisher", b"null"), ("publisher", b"1"),
    ("start scripts", b"COMMANDLINE_ARGS=--port=" + b"9" * 5000),
)  # fmt: skip
#: what once took the square of its length
LONG = (
    ("proxy address", b"http://" * 8000), ("addresses", b"http://" * 8000), ("addresses", b"./" * 20_000),
    ("proxy sources", b"\n" * 40_000), ("proxy address", b"*" * 40 + b".x"), ("proxy address", b"*.e" * 40 + b".x"), ("start scripts", b"if x; then\n" + b"{" * 60_000),
    ("start scripts", b"set A=xxxxxxxx\r\n" + b"set A=%A%%A%\r\n" * 60), ("start scripts", b"A=xxxxxxxx\n" + b"A=$A$A\n" * 60),
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_whatever_comes_is_read_or_refused_as_declared(target: Target) -> None:
    holds_for_any_input(target)


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_once_stays_mended(name: str, data: bytes) -> None:
    TARGETS[name].holds(data)


@pytest.mark.parametrize(("name", "data"), LONG)
def test_a_long_input_costs_no_more_than_its_length(name: str, data: bytes) -> None:
    """Each took ten seconds and more."""
    began = time.thread_time()
    TARGETS[name].holds(data)
    assert time.thread_time() - began < 4
