"""Amounts as people read them, the same in both languages."""

from __future__ import annotations

_UNITS = ("B", "KB", "MB", "GB", "TB")


def in_bytes(count: int) -> str:
    """`1536` -> `1.5 KB`: three digits at most, in steps of 1024."""
    amount, unit = float(count), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit and amount < 100 else f"{amount:.0f} {_UNITS[unit]}"


def in_mib(count: int) -> str:
    """`12288` -> `12.0 GB`."""
    return in_bytes(count * 1024 * 1024)


def in_time(seconds: float) -> str:
    """`75` -> `1:15`, `3725` -> `1:02:05`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
