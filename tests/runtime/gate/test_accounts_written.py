"""Accounts as people write them: passwords with every sign, on the command line and in a file."""

from pathlib import Path

import pytest

from runtime.flags import UsageError, read_flags
from runtime.gate.accounts import Accounts, make_accounts
from tests.runtime.gate.asking import ask, came_through, gate

HARD = (
    "a:b",
    ":",
    "a,b",
    ",a",
    "a,",
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
        ("", {}),
    ],
)
def test_commas_part_accounts_where_accounts_stand_between_them(written: str, page: dict[str, str]) -> None:
    assert accounts("--gradio-auth", written).page == page


def test_each_line_of_a_file_is_read_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "accounts"
    file.write_bytes("\ufeffa:1,2\r\n\r\nb:3,c:4\r\nd:5,\r\n".encode())
    assert accounts("--gradio-auth-path", str(file)).page == {"a": "1,2", "b": "3", "c": "4", "d": "5,"}
    file.write_text("a:1\nnopassword\n")
    with pytest.raises(UsageError, match="name:password"):
        accounts("--gradio-auth-path", str(file))


@pytest.mark.parametrize("written", ["name", "name:", ":word", ",", "a:1\nb"])
def test_what_is_no_account_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="name:password"):
        accounts("--gradio-auth", written)
