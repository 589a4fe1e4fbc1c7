"""Addresses and paths as people write them: usable or refused by name, never a traceback, never a secret repeated."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.paths import written_path
from launcher.core.web_address import discreet, is_secret, shown, written_address

NO_ADDRESS = (
    "", "nonsense", "ftp://host/file", "http://", "http://[::1", "https://a b/c", "https://host:99999/", "https://h\x00/",
    "https://h/\udcff", "https://user:s3cret@[::1/?token=s3cret", "file:///etc/passwd",
)  # fmt: skip


@pytest.mark.parametrize("written", NO_ADDRESS)
def test_what_is_no_address_is_refused_by_name(written: str) -> None:
    with pytest.raises(LauncherError) as refused:
        written_address(written)
    assert refused.value.code == "not-an-address"
    assert "s3cret" not in str(refused.value.message)


@pytest.mark.parametrize("written", ["https://host/a?b=c", "http://127.0.0.1:8080/", "https://用户.example/模型"])
def test_an_address_stays_as_it_is_written(written: str) -> None:
    assert written_address(f" {written}\n") == written


@pytest.mark.parametrize("written", ["https://me:ghp_s3cret@github.com/x", "https://host/raw/x?token=s3cret"])
def test_secrets_are_known_and_not_said(written: str) -> None:
    assert is_secret(written)
    assert "s3cret" not in shown(written)
    assert not is_secret("https://github.com/x/y")


@pytest.mark.parametrize("written", ["h.example/x?token=s3cret", "h/simple?token=s3cret"])
def test_a_token_is_not_said_without_a_scheme_either(written: str) -> None:
    assert "s3cret" not in shown(written)
    assert shown("C:\\models\\x?.pt") == "C:\\models\\x?.pt"


def test_a_path_of_nobody_or_with_a_sign_that_no_path_has_is_refused_by_name() -> None:
    for written, code in (("~nouser-x/models", "no-such-user"), ("a\0b", "bad-path"), ("~a\0b", "bad-path")):
        with pytest.raises(LauncherError) as refused:
            written_path(written)
        assert refused.value.code == code
    assert written_path("~/models") == Path.home() / "models"


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("There is no model https://u:s3cret@h/a?token=s3cret.", "There is no model https://***@h/a?…"),
        ("没有名为“https://u:s3cret@h/a?t=s3cret”的模型。", "没有名为“https://***@h/a?…”的模型。"),
        ("/data/https:/u:s3cret@h/a is not linked.", "/data/https:/***@h/a is not linked."),
        ("https://ghp_s3cret@h/ is no name.", "https://***@h/ is no name."),
        ("A password may hold one: https://u:s3@cret@h/a.", "A password may hold one: https://***@h/a."),
        ("git@github.com:a/b and ssh://git@h/b", "git@github.com:a/b and ssh://***@h/b"),
        ('There is no kind "u:s3cret@host"; see a.', 'There is no kind "***@host"; see a.'),
        ("Write to me@h.example; 12:30 it ends. Why? So.", "Write to me@h.example; 12:30 it ends. Why? So."),
        ("C:\\x: gone, D:/y/z?", "C:\\x: gone, D:/y/z?"),
    ],
)
def test_within_a_sentence(sentence: str, said: str) -> None:
    assert discreet(sentence) == said


@pytest.mark.parametrize(
    "line", ["line?" * 10_000, ":/" * 20_000 + "?", "a@" * 20_000, "!:" * 500_000 + "@", "x" * 100_000 + " a:b@c"]
)
def test_a_hostile_line_costs_no_more_than_its_length(line: str) -> None:
    start = time.process_time()
    said = discreet(line)
    # generous: the square of the length took seconds
    assert time.process_time() - start < 1
    assert "a:b" not in said
