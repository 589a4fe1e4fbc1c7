"""The mend `other-mirror`: another place for the files of a kind, the fastest of those that give them now."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

from launcher.core.environments.environments import installed
from launcher.core.errors import LauncherError
from launcher.core.events import Event
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values, cannot_mend, nothing_to_mend
from launcher.core.mends.setting import put, put_back, setting
from launcher.core.network.mirror_choice import Circumstances, chosen, look_around
from launcher.core.network.mirror_probe import Measurement
from launcher.core.network.mirror_samples import Sample
from launcher.core.network.mirror_survey import samples, survey
from launcher.core.network.mirrors import KINDS, Kind, Mirror, Mirrors, kind_of, read_mirrors
from launcher.core.network.routes import find_route
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.plan.options import Options
from launcher.core.proposal import propose
from launcher.core.pytorch.table import read_torch_table
from launcher.core.settings import read_settings
from launcher.core.text import Text, t
from launcher.core.web_address import shown

TITLE = t("Fetch from another mirror")
#: seconds for which a measurement counts: when it is shown, for what failed a moment ago may have been well before;
#: when it is done, so that it is what was shown
_JUST_NOW, _LATELY = 30.0, 900.0
#: another place is worth it from this part of the speed that there is
_WORTH = 0.5
#: hosts that large files are sent from, by the ends of their names
_SENDERS: dict[str, Kind] = {".huggingface.co": "huggingface", ".hf.co": "huggingface", "hf.co": "huggingface",
                             ".githubusercontent.com": "github", ".github.com": "github"}  # fmt: skip
#: whose files fail, by the beginning of a kind of failure
_SLUGS: dict[str, Kind] = {"net-git": "github", "git-": "github", "net-hf": "huggingface", "model-": "huggingface"}


@dataclass(frozen=True)
class _Ground:
    """What is asked now, and what else there is to ask."""

    kind: Kind
    around: Circumstances
    #: what counts now; None: the setting names nothing that there is
    now: Mirror | None
    sample: Sample | None

    @property
    def key(self) -> str:
        return f"mirrors.{self.kind}"

    @property
    def others(self) -> tuple[Mirror, ...]:
        """What does not fail together with the one that counts."""
        return tuple(each for each in self.all if self.now is None or each.group != self.now.group)

    @property
    def all(self) -> tuple[Mirror, ...]:
        """The list, and what counts now if it is not in it."""
        listed = self.around.mirrors.of(self.kind)
        return listed if self.now is None or self.now in listed else (self.now, *listed)


def _preview(here: Here, values: Values) -> Preview | None:
    ground = _look(here, values)
    if ground is None:
        return None
    best = _best(here, ground, _JUST_NOW)
    before = shown(ground.now.name) if ground.now else str(setting(here, ground.key))
    what = t("Where files of the kind {kind} come from (the setting {key})", kind=ground.kind, key=ground.key)
    remark = t("Of the others it is the fastest now. Only this place is asked from then on, by Gesso alone.")
    if ground.kind == "github":
        remark = t("{remark} For your own git too: gesso mirrors use github {name} --for-git", remark=remark,
                   name=best.name)  # fmt: skip
    return Preview("other-mirror", TITLE, (Change(what, before, best.name),), remark)


def _apply(here: Here, values: Values, cancel: threading.Event | None) -> Generator[Event, None, Record]:
    ground = _look(here, values)
    if ground is None:
        raise nothing_to_mend(TITLE)
    record = yield from put(here, ground.key, _best(here, ground, _LATELY, cancel).name)
    return record


def _verify(here: Here, values: Values) -> Text | None:
    kind = _kind(read_mirrors(workspace=here.workspace), values)
    around = look_around(here.workspace, here.environ, (kind,))
    sample = _sample(here, around, kind)
    first = chosen(around, kind, sample.tag if sample else None).first
    if sample is None:
        return None
    for each in _measured(here, around, sample, (first,), None):
        verdict = each.of(first.name)
        if verdict is not None and not verdict.usable:
            return t("{name} {verdict}.", name=first.name, verdict=verdict.sentence)
    return None


def _undo(here: Here, record: Record) -> Iterator[Event]:
    yield from put_back(here, record)


def _look(here: Here, values: Values) -> _Ground | None:
    """None: the host that failed is not the one that counts."""
    kind = _kind(read_mirrors(workspace=here.workspace), values)
    around = look_around(here.workspace, here.environ, (kind,))
    said = around.told.get(kind)
    if said and said.variable:
        raise cannot_mend(
            t("{where} says where to fetch from, and counts before every setting.", where=said.where),
            t("Take the variable away, or name another address in it; then try again."),
        )
    wanted = setting(here, f"mirrors.{kind}")
    sample = _sample(here, around, kind)
    host, now = values.get("host", "").lower(), None
    if not wanted and said is None:
        # Not what is the fastest of late: the preview has measured, and that counts at once.
        now = next((each for each in around.mirrors.of(kind) if host and _host(each) == host), _official(around, kind))
    elif not wanted or wanted.lower() in {each.name.lower() for each in around.mirrors.of(kind)} or "://" in wanted:
        now = chosen(around, kind, sample.tag if sample else None).first
    another = host in {_host(each) for each in around.mirrors.of(kind)} and (now is None or _host(now) != host)
    return None if another else _Ground(kind, around, now, sample)


def _official(around: Circumstances, kind: Kind) -> Mirror | None:
    return next((each for each in around.mirrors.of(kind) if each.official), None)


def _kind(mirrors: Mirrors, values: Values) -> Kind:
    """Of the value `kind`, else of `host`, else of what the failure is (`slug`); all others are of Python packages."""
    host = values.get("host", "").lower()
    for kind in KINDS:
        if kind == values.get("kind") or any(_host(each) == host for each in mirrors.of(kind) if host):
            return kind
    if any(urlsplit(build.index or "").hostname == host for build in read_torch_table().builds if host):
        return "torch"
    sent = next((kind for end, kind in _SENDERS.items() if host.endswith(end)), None)
    told = next((kind for start, kind in _SLUGS.items() if values.get("slug", "").startswith(start)), None)
    return kind_of(f"https://{host}/") or sent or told or "packages"


def _host(mirror: Mirror) -> str | None:
    return urlsplit(mirror.url).hostname if mirror.url else None


def _best(here: Here, ground: _Ground, fresh: float, cancel: threading.Event | None = None) -> Mirror:
    """The fastest of the others by a measurement of the last `fresh` seconds, made now if there is none.

    LauncherError `cannot-mend` where none of them gives the file, or all are far slower than what counts.
    """
    by_name = {each.name: each for each in ground.others}
    if ground.sample is None:
        # Nothing of this kind is fetched for this computer: any other place will do.
        return next(iter(by_name.values())) if by_name else _nobody(ground)
    known = ground.around.memory.measured(ground.sample.key)
    if known is None or time.time() - known.at > fresh:
        (known,) = _measured(here, ground.around, ground.sample, ground.all, cancel)
    best = next((each for each in known.ranking if each.name in by_name), None)
    if best is None:
        return _nobody(ground)
    mine = known.of(ground.now.name) if ground.now else None
    if mine and mine.usable and (best.rate or 0.0) < (mine.rate or 0.0) * _WORTH:
        raise cannot_mend(
            t("{name} gives its files now, and all others are slower.", name=mine.name),
            t("Try again what failed: the line may have been bad for a moment."),
        )
    return by_name[best.name]


def _nobody(ground: _Ground) -> NoReturn:
    raise cannot_mend(
        t("No other place for {kind} gives its files now.", kind=ground.kind),
        t("Look whether this computer is online: `gesso proxy test` tries every way out."),
    )


def _sample(here: Here, around: Circumstances, kind: Kind) -> Sample | None:
    """The file that is asked for: of torch and Python the one that a plan for this computer names."""
    python, torch = "{}.{}".format(*sys.version_info), None
    if kind in ("torch", "python"):
        # A setting that names nothing that there is stops every plan; then one of the others is as good as another.
        with contextlib.suppress(LauncherError):
            plan = propose(here.workspace, Options(), installed(here.workspace), here.environ).plan
            python, torch = plan.python, plan.torch
    return next(iter(samples(around, (kind,), python, torch, environ=here.environ)), None)


def _measured(
    here: Here, around: Circumstances, sample: Sample, places: tuple[Mirror, ...], cancel: threading.Event | None
) -> tuple[Measurement, ...]:
    pip = read_pip_settings(here.environ)
    route = find_route(around.mirrors, read_settings(here.workspace).proxy, here.environ, pip=pip)
    only = {sample.kind: places}
    work = survey(here.workspace, around, (sample,), pip=pip, route=route, cancel=cancel, only=only)
    try:
        while True:
            next(work)
    except StopIteration as end:
        found: tuple[Measurement, ...] = end.value
        return found


MEND = Mend("other-mirror", TITLE, _preview, _apply, _verify, _undo)
