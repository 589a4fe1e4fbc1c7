"""Where the page is, or how far the way to it is."""

from __future__ import annotations

from textual.content import Content

from launcher.core.text import Text, t
from launcher.tui.state import Home
from launcher.tui.untrusted import plain
from launcher.tui.widgets.card import Card, Row, Say, rows
from launcher.tui.widgets.installed import SLOW, reach

_PHASES = {
    "server": t("starting the server"),
    "torch": t("loading torch"),
    "model": t("loading the model"),
    "page": t("loading the page"),
}
#: whom the runtime makes a password for
MADE = "gesso"
_NOBODY = t("none: whoever finds it comes in")
_HERE = ("127.0.0.1", "::1")


class AddressCard(Card):
    """The state in one line, and under it what to know or do next."""

    heading = t("Address")

    def draw(self, home: Home, say: Say) -> Content:
        """At most eight lines."""
        if home.stage == "serving":
            return rows(_serving(home, say))
        if home.stage == "failed" and home.error is not None:
            parts = [(say(home.error.message), "bold $text-error"), (say(home.error.hint), "")]
            if home.advice:
                parts.append((say(t("{what}: {cause}", what=home.advice.title, cause=home.advice.cause)), "bold"))
            parts.append((say(t("t: what helps") if home.advice else t("t: look for the cause")), ""))
            if home.offer:
                parts.append((say(t("Enter: {offer}. r tries again as it was.", offer=home.offer.words)), "bold"))
            return Content("\n").join(Content.styled(plain(text), style) for text, style in parts)
        lines = [Content(plain(say(line))) for line in _lines(home)]
        if home.login == "nobody" and home.stage in ("ready", "asked"):
            lines.append(Content.styled(plain(say(t("Password: {what}", what=_NOBODY))), "bold $text-error"))
        return Content("\n").join(lines)


def _serving(home: Home, say: Say) -> list[Row]:
    page = t("ready: press o to open it") if home.page else t("still loading …")
    found = [
        (say(t("Serving at")), home.url, "bold $text-success"),
        *((say(t("In the network")), url, "bold") for url in home.network[:1]),
        (say(t("Page")), say(page), ""),
        _model(home, say),
    ]
    if home.visitors:
        found.append((say(t("Connected")), visitors(home, say), ""))
    if home.offer is not None:
        found.append((say(t("Memory ran out")), say(t("y: {offer}", offer=home.offer.words)), "bold $text-warning"))
    if home.credentials is not None:
        # Said once by the runtime and kept nowhere: whoever needs them has to copy them now.
        found.append((say(t("Name")), home.credentials.user, "bold $text-warning"))
        found.append((say(t("Password")), home.credentials.password, "bold $text-warning"))
    elif home.login == "made":
        found.append((say(t("Name")), MADE, ""))
        found.append((say(t("Password")), say(t("shown at the start alone; for a new one: s, then Enter")), ""))
    elif home.login == "own":
        found.append((say(t("Password")), say(t("as the profile's accounts say")), ""))
    elif home.login == "nobody":
        found.append((say(t("Password")), say(_NOBODY), "bold $text-error"))
    return found


def visitors(home: Home, say: Say) -> str:
    """Who has the page open: this computer once, then the addresses of the others."""
    from launcher.core.serving.command_line import names_for_others

    here = [say(t("this computer"))] if any(each in _HERE for each in home.visitors) else []
    options = home.survey.options if home.survey else None
    proxied = options is not None and not options.share and names_for_others(options)
    way = t("through a proxy on this computer") if proxied else t("through the public link")
    link = [say(way)] if "link" in home.visitors else []
    others = [each for each in home.visitors if each not in (*_HERE, "link")]
    return ", ".join((*here, *others, *link))


def _model(home: Home, say: Say) -> Row:
    label = say(t("Model"))
    if home.refused:
        return label, say(t("could not be loaded: the log says why")), "$text-error"
    if home.model:
        slow = say(t("{model} ({how})", model=home.model, how=SLOW))
        return (label, slow, "$text-warning") if home.from_disk else (label, home.model, "")
    waits = home.phase in ("", "page", "server")
    return label, say(t("still loading …") if waits else t("{phase} …", phase=_phase(home))), ""


def _lines(home: Home) -> list[Text]:
    match home.stage:
        case "looking":
            return [t("Looking at this computer …")]
        case "ready" if home.blocked:
            return [t("Something is in the way: the plan below says what."), t("Press Enter to look again.")]
        case "ready" if home.missing:
            todo = [t("Not ready yet: the plan below says what is missing."), t("Press Enter to have it done.")]
            return [*todo, *_open_to(home)]
        case "ready":
            return [t("Not running."), t("Press Enter to start."), *_open_to(home)]
        case "asked":
            return [t("Carry out the plan below?"), t("Enter begins, Esc goes back."), *_open_to(home)]
        case "installing":
            return [t("Installing …"), t("The page opens by itself afterwards. It may be stopped and continued later.")]
        case "starting":
            return [t("Starting: {phase} …", phase=_phase(home))]
        case _:
            return [t("Stopping …")]


def _open_to(home: Home) -> list[Text]:
    """Before it is started: that others will be able to open it."""
    from launcher.core.serving.command_line import exposed

    if home.survey is None or not exposed(home.survey.options):
        return []
    return [t("Open to others then: {reach} (profile {name}; p chooses another).", reach=reach(home.survey),
              name=home.survey.options.profile)]  # fmt: skip


def _phase(home: Home) -> Text:
    if not home.phase:
        return t("getting ready")
    # A part that only a newer runtime knows is shown under the name it gives.
    return _PHASES.get(home.phase, Text("{name}", (("name", home.phase),)))
