"""Accounts as people write them: passwords with every sign, in flags and in a file, and who else may read them."""

import os
from pathlib import Path

import pytest

from runtime.flags import UsageError, read_flags
from runtime.gate.accounts import Accounts, make_accounts, open_to_others
from tests.fakes.serving import serve
from tests.runtime.gate.asking import ask, came_through, gate

HARD = (
    "a:b",
    ":",
    "a,b",
    ",a",
    ",",
    ", ,",
    "a,:b",
    "a:,b",
    "a b",
    """'a' "b" `c`""",
    "密码😀",
    "a: ,'\"😀\\$%\u00e9",
    "#a;b=c",
)


def accounts(*flags: str) -> Accounts:
    return make_accounts(read_flags(flags, {}))


@pytest.mark.parametrize("password", HARD)
def test_a_password_of_any_signs_lets_in_wherever_it_is_written(password: str, tmp_path: Path) -> None:
    file = tmp_path / "accounts"
    file.write_text(f"me:{password}\nyou:{password}\n", encoding="utf-8")
    ways = ("--gradio-auth", f"me:{password}"), ("--api-auth", f"me:{password}"), ("--gradio-auth-path", str(file))
    for way in ways:
        guard = gate(*way)
        assert came_through(ask(guard, "GET", "/sdapi/v1/options", auth=("me", password))), way
        wrong = {password[:-1], f"{password},", password.replace(",", ""), password.partition(":")[0]} - {password}
        answers = [ask(gate(*way), "GET", "/sdapi/v1/options", auth=("me", each)) for each in wrong]
        assert {answer.status_code for answer in answers} == {401}, way
        assert made(way) == ["me", "you"][: 1 + (way[0] == "--gradio-auth-path")]


def made(way: tuple[str, str]) -> list[str]:
    found = accounts(*way)
    return list(found.page or found.api)


@pytest.mark.parametrize(
    ("written", "page"),
    [
        ("a:1,b:2", {"a": "1", "b": "2"}),
        (" a:1 , b:2:3 ,", {"a": "1", "b": "2:3"}),
        ("a:1,,b:2", {"a": "1", "b": "2"}),
        ("a:1,b", {"a": "1,b"}),
        ("a:1,b:2,c", {"a": "1,b:2,c"}),
        ("a:1,", {"a": "1"}),
        ("", {}),
    ],
)
def test_commas_part_accounts_where_accounts_stand_between_them(written: str, page: dict[str, str]) -> None:
    assert accounts("--gradio-auth", written).page == page


def test_each_line_of_a_file_is_read_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "accounts"
    file.write_bytes("\ufeffa:1,2\r\n\r\nb:3,c:4\r\nd:5,\r\n".encode())
    assert accounts("--gradio-auth-path", str(file)).page == {"a": "1,2", "b": "3", "c": "4", "d": "5"}
    file.write_text("a:1\nnopassword\n")
    with pytest.raises(UsageError, match="name:password"):
        accounts("--gradio-auth-path", str(file))


@pytest.mark.parametrize("written", ["name", "name:", ":word", ",", "a:1\nb"])
def test_what_is_no_account_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="name:password"):
        accounts("--gradio-auth", written)


def warnings(*flags: str, **environ: str) -> list[str]:
    return [*open_to_others(read_flags(flags, environ))]


@pytest.mark.skipif(os.name != "posix", reason="Windows shows no user another's command line")
@pytest.mark.parametrize("flag", ["--gradio-auth", "--api-auth", "--api-au"])
def test_a_password_on_the_command_line_is_warned_of_and_one_in_a_variable_is_not(flag: str) -> None:
    for words in ((flag, "me:secret"), (f"{flag}=me:secret",)):
        (said,) = warnings(*words)
        assert flag in said
        assert "--gradio-auth-path" in said
        assert "COMMANDLINE_ARGS" in said
        assert "secret" not in said
    assert warnings(COMMANDLINE_ARGS=f"{flag} me:secret") == []
    assert warnings(f"{flag}=") == []
    assert warnings() == []


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps rights otherwise")
@pytest.mark.parametrize(
    ("mode", "open_"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o602, True)]
)
def test_a_file_that_others_have_a_right_to_is_warned_of(mode: int, open_: bool, tmp_path: Path) -> None:
    file = tmp_path / "my accounts"
    file.write_text("me:secret")
    file.chmod(mode)
    said = warnings("--gradio-auth-path", str(file))
    assert len(said) == open_
    assert all(f"chmod 600 '{file}'" in each and "secret" not in each for each in said)


@pytest.mark.parametrize(
    ("flags", "open_"),
    [
        (("--listen",), True),
        (("--server-name", "192.168.0.9"), True),
        (("--listen", "--tls-keyfile", "k.pem"), True),
        (("--listen", "--tls-keyfile", "k.pem", "--tls-certfile", "c.pem"), False),
        (("--server-name", "localhost"), False),
        # the relay and the proxy speak HTTPS
        (("--share",), False),
        (("--allow-host", "art.example"), False),
    ],
)
def test_a_way_through_the_network_without_tls_is_warned_of(flags: tuple[str, ...], open_: bool) -> None:
    said = warnings(*flags)
    assert len(said) == open_
    assert all("--tls-certfile" in each for each in said)


def test_the_start_says_each_of_them_once(tmp_path: Path) -> None:
    file = tmp_path / "accounts"
    file.write_text("you:another secret")
    file.chmod(0o644)
    flags = ("--nowebui", "--listen", "--api-auth", "me:secret", "--gradio-auth-path", str(file))
    with serve(tmp_path / "data", *flags) as served:
        log = served.log()
    said = [line for line in log.splitlines() if line.startswith("Warning: ")]
    assert said == [f"Warning: {each}" for each in warnings(*flags)]
    assert len(said) == (3 if os.name == "posix" else 1)
    assert "secret" not in log
