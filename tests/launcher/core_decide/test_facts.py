"""The strict reader: what is not exactly as declared is an error that names file, key and remedy."""

import json
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.core.errors import LauncherError
from launcher.core.facts import read_facts


@dataclass(frozen=True)
class Part:
    name: str
    weight: float = 1.0


@dataclass(frozen=True)
class Whole:
    title: str
    count: int
    kind: Literal["round", "square"]
    parts: tuple[Part, ...] = ()
    note: str | None = None
    on: bool = False
    sizes: dict[str, int] | None = None


@dataclass(frozen=True)
class Dated:
    when: date


GOOD = {"title": "a", "count": 3, "kind": "round"}
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


def read(folder: Path, data: object, kind: Any = Whole) -> Any:
    file = folder / "facts.json"
    file.write_text(json.dumps(data))
    return read_facts(file, kind)


def refused(folder: Path, data: object, kind: Any = Whole) -> str:
    with pytest.raises(LauncherError) as failure:
        read(folder, data, kind)
    assert failure.value.code == "bad-facts"
    assert str(folder / "facts.json") in str(failure.value.message)
    assert str(failure.value.hint)
    return str(failure.value.message)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("facts")


def test_nested_toml(tmp_path: Path) -> None:
    file = tmp_path / "facts.toml"
    file.write_bytes(
        b'\xef\xbb\xbftitle = "\xe7\x94\xbb"\ncount = 2\nkind = "square"\non = true\nsizes = {a = 1}\n'
        b'[[parts]]\nname = "x"\nweight = 2\n'
    )
    assert read_facts(file, Whole) == Whole("画", 2, "square", (Part("x", 2.0),), None, True, {"a": 1})


def test_dates(tmp_path: Path) -> None:
    file = tmp_path / "facts.toml"
    file.write_text("when = 2026-11-20")
    assert read_facts(file, Dated) == Dated(date(2026, 11, 20))


@given(st.sampled_from(sorted(GOOD)))
def test_each_key_without_a_default_must_be_there(folder: Path, key: str) -> None:
    assert f'"{key}" is missing' in refused(folder, {name: value for name, value in GOOD.items() if name != key})


@given(st.text(max_size=10).filter(lambda key: key not in {field.name for field in fields(Whole)}))
def test_an_unknown_key_is_named(folder: Path, key: str) -> None:
    message = refused(folder, {**GOOD, key: 1})
    assert f'"{key}" is unknown' in message
    assert "title, count, kind" in message


@given(VALUES)
def test_a_whole_number_is_nothing_else(folder: Path, value: object) -> None:
    if type(value) is int:
        assert read(folder, {**GOOD, "count": value}).count == value
    else:
        assert '"count" must be a whole number' in refused(folder, {**GOOD, "count": value})


@given(VALUES)
def test_text_is_nothing_else(folder: Path, value: object) -> None:
    if type(value) is str or value is None:
        assert read(folder, {**GOOD, "note": value}).note == value
    else:
        assert '"note" must be text' in refused(folder, {**GOOD, "note": value})


@given(VALUES.filter(lambda value: value not in ("round", "square")))
def test_a_choice_names_what_there_is(folder: Path, value: object) -> None:
    assert '"kind" must be one of "round", "square"' in refused(folder, {**GOOD, "kind": value})


@given(VALUES)
def test_the_place_of_a_fault_inside_a_list_is_named(folder: Path, value: object) -> None:
    parts = [{"name": "x"}, {"name": "y", "weight": value}]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        assert read(folder, {**GOOD, "parts": parts}).parts[1].weight == float(value)
    else:
        assert '"parts[1].weight" must be a number' in refused(folder, {**GOOD, "parts": parts})


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"a = ", b"{", b"[1]", b"{}\n{}", b"a = 1\na = 2", b"[" * 100_000])
def test_no_file_is_worse_than_an_error(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "facts.toml"
    file.write_bytes(data)
    with pytest.raises(LauncherError):
        read_facts(file, Whole)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match="cannot be read"):
        read_facts(tmp_path / "none.toml", Whole)


@given(st.sampled_from(["title", "count", "kind", "parts", "note", "on", "sizes"]))
def test_a_value_is_never_repeated_for_it_may_be_a_password(folder: Path, key: str) -> None:
    for value in ("me:geheim99", ["me:geheim99"], {"me": "geheim99"}):
        if (key, type(value)) not in {("title", str), ("note", str)}:
            assert "geheim99" not in refused(folder, {**GOOD, key: value})
