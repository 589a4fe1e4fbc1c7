"""What was measured, per network, and which groups have failed since: `state/mirrors.json`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from launcher.core.errors import LauncherError
from launcher.core.file_lock import only_one
from launcher.core.network.mirror_probe import Measurement
from launcher.core.network.mirror_verdicts import Verdict
from launcher.core.network.mirrors import Measuring
from launcher.core.paths import Workspace
from launcher.core.records import read_record, write_record

FILE = "mirrors.json"
#: networks that are remembered; the one not used for longest goes first
_MOST = 16


class _BusyError(Exception):
    """Somebody else writes; what is to be remembered is not worth waiting for."""


@dataclass(frozen=True)
class Memory:
    """What is known in this network now."""

    measurements: tuple[Measurement, ...] = ()
    #: (key, group) of those that are left alone for a while
    benched: tuple[tuple[str, str], ...] = ()

    def measured(self, key: str) -> Measurement | None:
        return next((each for each in self.measurements if each.key == key), None)

    def benched_groups(self, key: str) -> frozenset[str]:
        return frozenset(group for kept, group in self.benched if kept == key)


def recall(workspace: Workspace, network: str, terms: Measuring, now: float | None = None) -> Memory:
    """What counts still; nothing where the file is missing or cannot be understood."""
    now = time.time() if now is None else now
    kept = _networks(workspace).get(network)
    if not isinstance(kept, dict):
        return Memory()
    found = [_measurement(each) for each in _list(kept.get("measured"))]
    oldest = now - terms.hours * 3600
    # A clock that was set back makes what was measured "later" as doubtful as what is old.
    fresh = tuple(each for each in found if each is not None and oldest < each.at <= now + 60)
    benched = [each for each in _list(kept.get("benched")) if isinstance(each, dict)]
    away = tuple((str(each.get("key")), str(each.get("group"))) for each in benched if _number(each.get("until")) > now)
    return Memory(fresh, away)


def remember(workspace: Workspace, network: str, measurements: Iterable[Measurement]) -> None:
    """Keep what was measured; a group that fared well is no longer left alone. Never raises.

    What was known of mirrors that were not measured this time stays as long as it would have.
    """
    new = tuple(measurements)
    keys = {each.key for each in new}
    well = {(each.key, verdict.group) for each in new for verdict in each.verdicts if verdict.usable}

    def change(kept: dict[str, Any]) -> None:
        known = [found for each in _list(kept.get("measured")) if (found := _measurement(each)) is not None]
        others = [each for each in known if each.key not in keys]
        kept["measured"] = [asdict(each) for each in (*others, *(_completed(each, known) for each in new))]
        benched = [each for each in _list(kept.get("benched")) if isinstance(each, dict)]
        kept["benched"] = [each for each in benched if (each.get("key"), each.get("group")) not in well]

    _change(workspace, network, change)


def _completed(new: Measurement, known: Iterable[Measurement]) -> Measurement:
    older = next((each for each in known if each.key == new.key), None)
    rest = [verdict for verdict in older.verdicts if new.of(verdict.name) is None] if older else []
    if older is None or not rest:
        return new
    return replace(new, at=min(new.at, older.at), verdicts=(*new.verdicts, *rest))


def bench(workspace: Workspace, network: str, key: str, group: str, terms: Measuring) -> None:
    """Leave a group alone for a while: it has failed in the middle of something. Never raises."""
    until = time.time() + terms.bench_minutes * 60

    def change(kept: dict[str, Any]) -> None:
        others = [
            each
            for each in _list(kept.get("benched"))
            if isinstance(each, dict) and (each.get("key"), each.get("group")) != (key, group)
        ]
        kept["benched"] = [*others, {"key": key, "group": group, "until": until}]

    _change(workspace, network, change)


def _change(workspace: Workspace, network: str, change: Callable[[dict[str, Any]], None]) -> None:
    try:
        with only_one(workspace.state / "mirrors.lock", lambda _: _BusyError(), patience=5.0):
            networks = _networks(workspace)
            kept = networks.pop(network, None)
            kept = kept if isinstance(kept, dict) else {}
            change(kept)
            # The last in the file is the one used last.
            networks[network] = kept
            write_record(workspace.state / FILE, {"networks": dict(list(networks.items())[-_MOST:])})
    except (_BusyError, OSError, LauncherError):
        # Nothing breaks without it: the next one measures again.
        return


def _networks(workspace: Workspace) -> dict[str, Any]:
    found = (read_record(workspace.state / FILE) or {}).get("networks")
    return dict(found) if isinstance(found, dict) else {}


def _measurement(record: object) -> Measurement | None:
    """As `asdict` wrote it; what anybody else wrote there counts for nothing."""
    try:
        if not isinstance(record, dict):
            return None
        verdicts = tuple(_verdict(each) for each in _list(record["verdicts"]))
        return Measurement(str(record["key"]), str(record["sample"]), float(record["at"]), verdicts)
    except (KeyError, TypeError, ValueError):
        return None


def _verdict(record: dict[str, Any]) -> Verdict:
    values = {field.name: record[field.name] for field in fields(Verdict)}
    for name in ("rate", "latency"):
        values[name] = None if values[name] is None else float(values[name])
    return Verdict(
        **{**values, "name": str(values["name"]), "group": str(values["group"]), "slug": str(values["slug"])}
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
