"""A setting's value in the setting's type, whatever JSON or an infotext made of it."""

from __future__ import annotations

from typing import Any

from runtime.limits import check_setting
from runtime.request import RequestError
from runtime.settings_table import BY_NAME, DEFAULTS

_LARGEST = 2**53
_WORDS = dict.fromkeys(("true", "1", "1.0", "yes", "on"), True) | dict.fromkeys(
    ("false", "0", "0.0", "no", "off"), False
)


def cast(name: str, value: Any) -> Any:
    """2.0 and "2" are 2, "false" is False; unknown settings as they are. ValueError where that cannot be."""
    default = DEFAULTS.get(name, ...)
    if default is ...:
        return value
    if isinstance(default, bool):
        return _truth(value)
    if isinstance(default, (int, float)):
        return _number(value, type(default))
    if isinstance(default, str) and isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, str if default is None else type(default)):
        raise ValueError(f"{name} is not of the right type")
    return value


def checked(name: str, value: Any) -> Any:
    """The same, and one of the setting's choices, in any letter case, where it has a fixed list.

    RequestError says what it takes.
    """
    default = DEFAULTS.get(name)
    try:
        found = cast(name, value)
    except (ValueError, OverflowError):
        like = "text" if default is None else f"a value like {default!r}"
        hint = f"It takes {like}; GET /sdapi/v1/options shows the present one."
        raise RequestError("option-unusable", f"The setting {name} cannot be {value!r:.60}.", hint) from None
    check_setting(name, found)
    known = BY_NAME.get(name)
    if known is None or not known.closed or found in known.choices:
        return found
    for choice in known.choices:
        if str(choice).casefold() == str(found).casefold():
            return choice
    hint = f"It is one of {', '.join(map(str, known.choices))}."
    raise RequestError("option-unknown", f"The setting {name} cannot be {value!r:.60}.", hint)


def _truth(value: Any) -> bool:
    found = _WORDS.get(str(value).lower())
    if found is None:
        raise ValueError("neither true nor false")
    return found


def _number(value: Any, kind: type[Any]) -> Any:
    """Nothing that JSON or the engine could not carry: no NaN, no infinity, no number of a thousand digits."""
    if not isinstance(value, (int, float, str)):
        raise ValueError("no number")
    number = float(value)
    if not abs(number) < _LARGEST:
        raise ValueError("no number of a usable size")
    return kind(number)
