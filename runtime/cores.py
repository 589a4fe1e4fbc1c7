"""How many threads draw on the processor: one for each core that this process may use, within a container's share."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")
_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def threads() -> int:
    """At least one. Two threads on one core's two halves share its units for arithmetic and wait for each other."""
    return max(1, min([cores(_usable()), *map(math.ceil, shares())]))


def cores(processors: Iterable[int], topology: Path = _TOPOLOGY) -> int:
    """Physical cores among these logical processors."""
    found = set()
    for number in processors:
        siblings = _text(topology / f"cpu{number}" / "topology" / "thread_siblings_list")
        if siblings is None:
            return _cores_elsewhere()
        found.add(siblings)
    return len(found) or _cores_elsewhere()


def shares(groups: Path = _GROUPS, own: Path = _OWN_GROUP) -> Iterator[float]:
    """How many processors' time a container may use, as its control groups limit it; nothing where they do not."""
    for line in (_text(own) or "").splitlines():
        _number, controllers, path = line.split(":", 2)
        root = groups if not controllers else groups / "cpu" if "cpu" in controllers.split(",") else None
        if root is None:
            continue
        inside = root / path.lstrip("/")
        for group in (root, *(each for each in (inside, *inside.parents) if root in each.parents)):
            yield from _limits(group)


def _limits(group: Path) -> Iterator[float]:
    """Of one group, in the second version's file or the first version's two."""
    both = (_text(group / "cpu.max") or "").split()
    if len(both) != 2:
        both = [_text(group / name) or "" for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")]
    if all(each.isdigit() for each in both) and int(both[1]):
        yield int(both[0]) / int(both[1])


def _usable() -> Iterable[int]:
    affinity = getattr(os, "sched_getaffinity", None)
    return affinity(0) if affinity else ()


def _cores_elsewhere() -> int:
    """Windows and macOS tell it through psutil."""
    try:
        import psutil
    except ImportError:
        return os.cpu_count() or 1
    return psutil.cpu_count(logical=False) or os.cpu_count() or 1


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
