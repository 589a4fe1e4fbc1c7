"""Checks of the way to the network: the proxy, the places that files come from, the clock that certificates go by."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from statistics import median

from launcher.core.doctor.check import Verdict, sentences, unknown, well, wrong
from launcher.core.doctor.ground import Asked, Ground
from launcher.core.doctor.reach import Reach, Service
from launcher.core.errors import LauncherError
from launcher.core.hardware.inquiry import Inquiry
from launcher.core.mends.proxies import dead_of_git
from launcher.core.network.mirrors import TITLES, Kind
from launcher.core.network.proxies import Proxies, find_proxies
from launcher.core.network.proxy_check import offers
from launcher.core.network.proxy_settings import Said, Source
from launcher.core.network.proxy_trial import Trial, reachable, try_way
from launcher.core.packages.pip_settings import PipSettings, read_pip_settings
from launcher.core.paths import PROXIES
from launcher.core.plan.places import kinds_needed
from launcher.core.proxy_address import masked, repaired
from launcher.core.pytorch.table import read_torch_table
from launcher.core.settings import read_settings
from launcher.core.text import Text, t

#: what a clock may differ: tokens and certificates allow about as much
_MOST = timedelta(minutes=5)
#: a clock that stands so long before the day on which Gesso's list of builds was looked through is wrong for certain
_BEFORE = timedelta(days=365)
_SOURCES: dict[Source, Text] = {
    "settings": t("Gesso's own setting"),
    "environment": t("the environment variables"),
    "pip": t("pip's configuration"),
    "windows": t("Windows' settings"),
    "gnome": t("GNOME's settings"),
    "kde": t("KDE's settings"),
    "macos": t("macOS' settings"),
}
#: either is enough
_MODELS: tuple[Kind, ...] = ("huggingface", "modelscope")
_OTHER = t("Start the program that is the proxy (Clash, V2Ray …), or go without: gesso proxy set none")


def proxy(ground: Ground) -> Verdict:
    """Written as one, listening, and letting a request through; and git's own and pip's, which Gesso may not use."""
    dead = Inquiry(partial(dead_of_git, ground.here))
    pip = read_pip_settings(ground.here.environ)
    mute = Inquiry(partial(_pips, pip.proxy, max(0.1, ground.left - 0.8)))
    verdict = _of_gesso(ground, pip)
    if verdict.ok is False:
        return verdict
    for rewrite in dead.by(ground.until - 0.1) or ():
        told = t("Nothing answers at the proxy {proxy}, which {where} names.", proxy=rewrite.change.before or "",
                 where=rewrite.place.where)  # fmt: skip
        return wrong(told, t("Take it out: git config --global --unset-all {key}", key=rewrite.place.key),
                     "without-proxy", proxy=rewrite.change.before)  # fmt: skip
    return replace(verdict, fix=verdict.fix or mute.by(ground.until - 0.1))


def _pips(address: str | None, seconds: float) -> Text | None:
    """What to do about one that is dead; where it counts for Gesso, that is told before."""
    if address is None or reachable(repaired(address), seconds):
        return None
    return t("Nothing answers at the proxy {proxy}, which {where} names. Gesso goes without it; for pip itself: "
             "pip config unset global.proxy", proxy=masked(address), where=_SOURCES["pip"])  # fmt: skip


def _of_gesso(ground: Ground, pip: PipSettings) -> Verdict:
    settings = read_settings(ground.workspace).proxy
    try:
        proxies = find_proxies(ground.here.environ, settings=settings, pip=pip)
    except LauncherError as error:
        return wrong(error.message, error.hint, "repair-proxy" if error.code == "proxy-not-usable" else None)
    if problem := next(((source, each) for source in proxies.sources for each in source.problems), None):
        source, text = problem
        told = t("{where}: {problem}", where=_SOURCES[source.source], problem=text)
        return wrong(told, t("Write it as http://127.0.0.1:7890: gesso proxy set ADDRESS"), "repair-proxy")
    chosen = proxies.chosen
    if chosen is None or not proxies.addresses:
        return _without(proxies, chosen)
    others = Inquiry(partial(offers, proxies))
    silent = _silent(proxies.addresses, ground)
    if silent:
        told = t("Nothing answers at the proxy {proxy}, which {where} names.", proxy=masked(silent[0]),
                 where=_SOURCES[chosen.source])  # fmt: skip
        return _dead(told, silent[0], others.by(ground.until - 0.2) or ())
    return _tried(ground, proxies, chosen)


def _dead(told: Text, address: str, others: tuple[int, ...]) -> Verdict:
    """Another port of this computer may be the one that was meant."""
    if not others:
        return wrong(told, _OTHER, "without-proxy", proxy=masked(address))
    fix = t("Something listens on port {port} of this computer; if that is the proxy: gesso proxy set 127.0.0.1:{port}",
            port=others[0])  # fmt: skip
    return wrong(told, fix, "repair-proxy", proxy=masked(address))


def _without(proxies: Proxies, chosen: Said | None) -> Verdict:
    if chosen is not None and chosen.none:
        return well(t("{where} says that there is none.", where=_SOURCES[chosen.source]))
    if any(source.script for source in proxies.sources):
        told = t("The system finds its proxy by a script, which Gesso does not run.")
        return well(told, t("If nothing gets through, give the proxy itself: gesso proxy set ADDRESS"))
    return well(t("None is set."))


def _silent(addresses: Sequence[str], ground: Ground) -> list[str]:
    asked = {each: Inquiry(partial(reachable, each, max(0.1, ground.left - 0.8))) for each in addresses}
    return [each for each, inquiry in asked.items() if not inquiry.by(ground.until - 0.7)]


def _tried(ground: Ground, proxies: Proxies, chosen: Said) -> Verdict:
    """A request of its own: others may go round the proxy."""
    url = next((url for url in _PLACES if proxies.of(url)), None)
    way = proxies.of(url) if url else None
    if url is None or way is None:
        return well(t("{proxy} takes connections.", proxy=masked(proxies.addresses[0])))
    trial: Trial = try_way(url, way, seconds=max(0.1, ground.left - 0.6))
    where = _SOURCES[chosen.source]
    if trial.works:
        told = t("{proxy} ({where}) lets requests through.", proxy=masked(way), where=where)
        return well(told, _without_scheme(ground))
    if trial.kind == "silent":
        text = t("{proxy} takes connections; whether it lets requests through could not be told in time.",
                 proxy=masked(way))  # fmt: skip
        return unknown(text, t("This one is more patient: gesso proxy test"))
    told = t("The proxy {proxy} ({where}) does not work: {why}.", proxy=masked(way), where=where, why=trial.sentence)
    return wrong(told, _OTHER, "without-proxy", proxy=masked(way))


#: encrypted ones, so that only the service itself can answer
_PLACES = ("https://huggingface.co/", "https://github.com/")


def _without_scheme(ground: Ground) -> Text | None:
    """Gesso understands "127.0.0.1:7890"; most other programs do not."""
    for name, value in ground.here.environ.items():
        if name.lower() in PROXIES and value and "://" not in value:
            return t("{name} has no http:// before it, which other programs need: {proxy}", name=name,
                     proxy=masked(repaired(value)))  # fmt: skip
    return None


def mirrors(ground: Ground) -> Verdict:
    """One short question to the place that counts of each kind, beside what was measured."""
    reaching = Asked(lambda: ground.reach)
    needed = kinds_needed(ground.proposal.plan)
    reach = reaching.by(ground.until)
    if not reach.services:
        return unknown(t("Nothing is asked on the network: packages come from folders of this computer."))
    if reach.nothing:
        return _nothing(ground)
    return of_mirrors(reach, needed)


def of_mirrors(reach: Reach, needed: Sequence[Kind]) -> Verdict:
    """What does not answer is wrong where the plan needs it, and of the places for models where none answers."""
    dead = [each for each in reach.services if not each.heard.works]
    told = t("{count} of {all} kinds of files answer.", count=len(reach.services) - len(dead), all=len(reach.services))
    if not dead:
        return well(sentences([told, *_measured(reach)]))
    without = [each for each in dead if each.kind in _MODELS]
    no_models = len(without) == sum(each.kind in _MODELS for each in reach.services)
    missed = [each for each in dead if each.kind in needed or (no_models and each.kind in _MODELS)]
    if not missed:
        silent = ", ".join(f"{each.host} ({each.kind})" for each in dead)
        return well(sentences([told, t("Not needed now, and silent: {hosts}.", hosts=silent)]))
    first, *others = missed
    parts = [t("{host} ({kind}) does not answer: {why}.", host=first.host, kind=first.kind, why=first.heard.why)]
    if others:
        parts.append(t("Nor do: {hosts}.", hosts=", ".join(f"{each.host} ({each.kind})" for each in others)))
    fix = t("Have the others measured and the fastest taken: gesso mirrors test {kind}", kind=first.kind)
    return wrong(sentences(parts), fix, "other-mirror", kind=first.kind, host=first.host)


def _nothing(ground: Ground) -> Verdict:
    told = t("None of the places that files come from answers.")
    if not ground.proposal.plan.downloads:
        return well(t("{told} What is installed works without them.", told=told))
    return wrong(told, t("Is this computer online? Look at the network and the proxy: gesso proxy test"))


def _measured(reach: Reach) -> list[Text]:
    measured: list[Service] = [each for each in reach.services if each.choice.basis == "measured"]
    return [t("{kind}: {reason}", kind=TITLES[each.kind], reason=each.choice.reason) for each in measured]


def clock(ground: Ground) -> Verdict:
    """This computer's time beside the servers', or what their certificates say of it."""
    return of_clock(ground.reach, datetime.now(timezone.utc))


def of_clock(reach: Reach, now: datetime) -> Verdict:
    """As `clock`, of any answers."""
    told = [each.heard.ahead for each in reach.services if each.heard.ahead is not None]
    if told:
        ahead = timedelta(seconds=median(each.total_seconds() for each in told))
        return _difference(ahead)
    dated = [each.heard.validity for each in reach.services if each.heard.validity]
    if len(dated) > 1 or now.date() < read_torch_table().checked - _BEFORE:
        text = t(
            "This computer's clock says {now}, and no certificate is valid then.", now=now.strftime("%Y-%m-%d %H:%M")
        )
        return wrong(text, _set())
    return unknown(t("Nobody on the network has told the time."))


def _difference(ahead: timedelta) -> Verdict:
    minutes = round(abs(ahead).total_seconds() / 60)
    if abs(ahead) <= _MOST:
        return well(t("It is right to {seconds} seconds.", seconds=max(1, round(abs(ahead).total_seconds()))))
    told = t("It is {minutes} minutes fast.", minutes=minutes) if ahead > timedelta() else t(
        "It is {minutes} minutes slow.", minutes=minutes
    )  # fmt: skip
    return wrong(t("{how} Encrypted connections and logins may fail.", how=told), _set())


def _set() -> Text:
    if sys.platform == "win32":
        return t("Settings > Time & language > Date & time: set the time zone, then press Sync now.")
    if sys.platform == "darwin":
        return t("System Settings > General > Date & Time: let it be set automatically.")
    return t("In a terminal: {command}", command="sudo timedatectl set-ntp true")
