"""The strict reader of facts: TOML or JSON into frozen dataclasses; what is not understood is an error."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import types
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from launcher.core.errors import LauncherError
from launcher.core.text import Text, t

T = TypeVar("T")


class _FactError(Exception):
    """What is wrong at which key; `read_facts` adds the file."""

    def __init__(self, message: Text) -> None:
        super().__init__(str(message))
        self.message = message


def read_facts(path: Path, kind: type[T]) -> T:
    """The file as an instance of the frozen dataclass `kind`; LauncherError `bad-facts` names file, key and remedy."""
    return as_facts(read_table(path), kind, path)


def read_table(path: Path) -> dict[str, Any]:
    """What the file holds, judged by nobody yet; LauncherError `bad-facts`."""
    try:
        return _load(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LauncherError(
            "bad-facts",
            t("The file {file} cannot be read: {reason}.", file=path, reason=reason),
            t("Check that it is there and that you may read it."),
        ) from None
    except _FactError as error:
        raise _bad(path, error) from None


def as_facts(table: dict[str, Any], kind: type[T], path: Path) -> T:
    """`table` as an instance of `kind`; `path` is named in LauncherError `bad-facts`."""
    try:
        return _dataclass(table, kind, "")
    except _FactError as error:
        raise _bad(path, error) from None


def _bad(path: Path, error: _FactError) -> LauncherError:
    return LauncherError(
        "bad-facts",
        t("The file {file} is not right: {what}", file=path, what=error.message),
        t("Correct it with a text editor; a file that came with Gesso is best taken afresh from its source."),
    )


def _load(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
        found = json.loads(text) if text.lstrip().startswith("{") else _toml(text)
    # tomllib's and json's errors are ValueErrors, as is a wrong encoding; absurd nesting ends in RecursionError.
    except (ValueError, RecursionError) as error:
        raise _FactError(t("it is not valid TOML or JSON ({reason}).", reason=str(error)[:200])) from None
    if not isinstance(found, dict):
        raise _FactError(t("it must hold keys with values."))
    return found


def _toml(text: str) -> dict[str, Any]:
    # Python 3.10 has no tomllib; tomli is the same reader under its older name.
    reader = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    found: dict[str, Any] = reader.loads(text)
    return found


def _dataclass(data: dict[str, Any], kind: type[T], place: str) -> T:
    """`place` is the key of `data` itself, "" at the top."""
    assert dataclasses.is_dataclass(kind)  # noqa: S101 - a mistake of ours, not of the file
    hints = get_type_hints(kind)
    # a key that is a word of Python's has an underscore behind it as a field
    fields = {field.name.rstrip("_"): field for field in dataclasses.fields(kind)}
    for key in data:
        if key not in fields:
            allowed = ", ".join(fields)
            raise _FactError(t('the key "{key}" is unknown; known are {known}.', key=_at(place, key), known=allowed))
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in data:
            values[field.name] = _value(data[name], hints[field.name], _at(place, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise _FactError(t('the key "{key}" is missing.', key=_at(place, name)))
    return kind(**values)


def _at(place: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{place}[{key}]"
    return f"{place}.{key}" if place else key


def _value(value: object, kind: Any, place: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _optional(value, get_args(kind), place)
    if origin is Literal:
        return _literal(value, get_args(kind), place)
    if origin is tuple:
        return _tuple(value, get_args(kind)[0], place)
    if origin is dict:
        return _table(value, get_args(kind)[1], place)
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise _wrong(place, t("a table"), value)
        return _dataclass(value, kind, place)  # type: ignore[arg-type]
    return _plain(value, kind, place)


def _optional(value: object, kinds: tuple[Any, ...], place: str) -> Any:
    """`X | None`; null can only come from JSON."""
    if value is None:
        return None
    (kind,) = (each for each in kinds if each is not type(None))
    return _value(value, kind, place)


def _literal(value: object, allowed: tuple[Any, ...], place: str) -> Any:
    # `1 == True` in Python, so the type is compared as well.
    for each in allowed:
        if value == each and type(value) is type(each):
            return each
    names = ", ".join(f'"{each}"' for each in allowed)
    raise _FactError(t('"{key}" must be one of {values}.', key=place, values=names))


def _tuple(value: object, kind: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(place, t("a list"), value)
    return tuple(_value(each, kind, _at(place, number)) for number, each in enumerate(value))


def _table(value: object, kind: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(place, t("a table"), value)
    return {key: _value(each, kind, _at(place, key)) for key, each in value.items()}


_NAMES = {
    str: t("text"), int: t("a whole number"), float: t("a number"), bool: t("true or false"), list: t("a list"),
    dict: t("a table"), type(None): t("nothing"),
}  # fmt: skip


def _plain(value: object, kind: Any, place: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    # `type() is`, because a bool is an int to isinstance
    if type(value) is not kind:
        raise _wrong(place, _named(kind), value)
    return value


def _named(kind: type) -> Text:
    return _NAMES.get(kind) or t("a {kind}", kind=kind.__name__)


def _wrong(place: str, expected: Text, value: object) -> _FactError:
    """The kind of `value` alone is named: it may be a password."""
    return _FactError(
        t('"{key}" must be {expected}, not {found}.', key=place, expected=expected, found=_named(type(value)))
    )
