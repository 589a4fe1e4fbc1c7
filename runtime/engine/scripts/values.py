"""The values that a user types for an axis: lists as in CSV, ranges with steps or counts."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from typing import Any

from runtime.request import RequestError

_NUMBER = r"\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*"
_RANGE = re.compile(_NUMBER + "-" + _NUMBER + r"(?:\(\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\)|\[\s*(\d+)\s*\])?\s*")
_MOST = 10_000
#: letters of a number or a range
_LONGEST = 200


def split_values(text: str) -> list[str]:
    """Comma by comma, line by line; a value in double quotes may hold commas. Empty ones are left out."""
    rows = csv.reader(io.StringIO(text), skipinitialspace=True)
    try:
        return [value.strip() for row in rows for value in row if value.strip()]
    except csv.Error as broken:
        message = f"A list of values cannot be read ({broken})."
        raise RequestError("axis-value", message, "Write values with commas between them.") from broken


def whole_numbers(axis: str, values: Sequence[Any]) -> list[int]:
    """Integers; `1-5`, `1-5 (+2)` counts up by steps, `1-10 [5]` spreads five. RequestError `axis-value`."""
    return [int(number) for number in _numbers(axis, values, whole=True)]


def numbers(axis: str, values: Sequence[Any]) -> list[float]:
    """The same for fractions; a step is 1 unless given."""
    return _numbers(axis, values, whole=False)


def _numbers(axis: str, values: Sequence[Any], whole: bool) -> list[float]:
    found: list[float] = []
    for value in values:
        text = str(value)
        try:
            spread = _RANGE.fullmatch(_short(text))
            found += [_number(text, whole)] if spread is None else _spread(axis, spread)
        except ValueError as wrong:
            hint = "Give numbers such as 1, 2, 3 or a range such as 1-5, 1-5 (+2) or 1-10 [5]."
            raise RequestError("axis-value", f"{text!r:.80} is no value for the axis {axis}.", hint) from wrong
    return found


def _short(text: str) -> str:
    """ValueError for one that a float does not hold, or whose reader would try too many places to part it at."""
    if len(text) > _LONGEST:
        raise ValueError(text)
    return text


def _number(text: str, whole: bool) -> float:
    found = float(text)
    if not math.isfinite(found) or (whole and found != int(found)):
        raise ValueError(text)
    # a seed has more digits than a float holds
    return int(text) if whole and re.fullmatch(r"\s*[+-]?\d+\s*", text) else found


def _spread(axis: str, found: re.Match[str]) -> list[float]:
    start, end = (_exact(text) for text in found.group(1, 2))
    if found[4] is not None:
        count = int(found[4])
        _check_count(axis, count)
        return [start + (end - start) * k / (count - 1) for k in range(count)] if count > 1 else [start]
    step = _exact(found[3]) if found[3] else (1 if end >= start else -1)
    if step == 0 or (end - start) / step < 0:
        raise ValueError(found[0])
    # a little more than the quotient: 0.1 is not exactly a tenth
    count = int((end - start) / step + 1e-6) + 1
    _check_count(axis, count)
    return [round(start + k * step, 10) for k in range(count)]


def _exact(text: str) -> float:
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)


def _check_count(axis: str, count: int) -> None:
    if not 1 <= count <= _MOST:
        raise RequestError("axis-value", f"The axis {axis} has {count} values.", f"It has 1 to {_MOST} of them.")


def truths(axis: str, values: Sequence[Any]) -> list[bool]:
    """True, yes and 1, or False, no and 0."""
    words = dict.fromkeys(("true", "yes", "y", "1", "on"), True) | dict.fromkeys(
        ("false", "no", "n", "0", "off"), False
    )
    try:
        return [words[str(value).strip().lower()] for value in values]
    except KeyError as wrong:
        raise RequestError("axis-value", f"{wrong} is no value for the axis {axis}.", "Give True or False.") from wrong


def sizes(axis: str, values: Sequence[Any]) -> list[tuple[int, int]]:
    """`512x768`."""
    found = [re.fullmatch(r"\s*(\d{1,6})\s*[x×]\s*(\d{1,6})\s*", str(value)) for value in values]
    if not all(found):
        raise RequestError("axis-value", f"The axis {axis} has a value that is no size.", "Give sizes such as 512x768.")
    return [(int(one[1]), int(one[2])) for one in found if one]
