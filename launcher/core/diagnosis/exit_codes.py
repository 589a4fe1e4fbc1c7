"""What the number means with which a program ended: Windows' status codes and the signals of other systems."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from launcher.core.diagnosis.rules import Words
from launcher.core.facts import read_facts
from launcher.core.text import Text, t

_FILE = Path(__file__).parents[2] / "data" / "exit_codes.toml"
#: a shell adds this to the signal that ended a program
_SHELL = 128
_SIGNALS = 64
_32_BITS = 1 << 32
#: Windows' errors begin here; a program's own codes lie below
_STATUS = 0x80000000


@dataclass(frozen=True)
class _Status:
    code: str
    name: str
    means: Words


@dataclass(frozen=True)
class _Signal:
    number: int
    name: str
    means: Words


@dataclass(frozen=True)
class _Table:
    status: tuple[_Status, ...]
    signal: tuple[_Signal, ...]


def meaning(code: int | str) -> Text | None:
    """Of -9, 137, -1073741819, 3221225477, "0xC0000005" …; None: the program's own number, which tells no more."""
    number = _number(code)
    if number is None:
        return None
    statuses, signals = _tables()
    if number >= _STATUS or number < -_SIGNALS:
        status = statuses.get(number % _32_BITS)
        known = f"0x{number % _32_BITS:08X}"
        return (
            t("{code} is {name}: {means}", code=known, name=status.name, means=status.means.text()) if status else None
        )
    if number < 0:
        signal = signals.get(-number)
    else:
        signal = signals.get(number - _SHELL) if _SHELL < number <= _SHELL + _SIGNALS else None
    return t("{code} is {name}: {means}", code=number, name=signal.name, means=signal.means.text()) if signal else None


def _number(code: int | str) -> int | None:
    try:
        return code if isinstance(code, int) else int(code.strip().rstrip("Ll"), 0)
    except ValueError:
        return None


@cache
def _tables() -> tuple[dict[int, _Status], dict[int, _Signal]]:
    table = read_facts(_FILE, _Table)
    return {int(each.code, 16): each for each in table.status}, {each.number: each for each in table.signal}
