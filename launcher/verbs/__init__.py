"""The verbs: each is `VERB` in the module of its name, imported only when it is called."""

from __future__ import annotations

from importlib import import_module

from launcher.core.text import Text, t
from launcher.verb import Verb

#: verb -> what it does; the order is the help's
VERBS: dict[str, Text] = {
    "setup": t("the guided first install: questions with answers proposed, then a first picture"),
    "up": t("install what is missing, start, print the address; stays until stopped"),
    "plan": t("what `up` would do, and why; changes nothing"),
    "install": t("install what is missing"),
    "launch": t("start what is installed"),
    "status": t("what runs, and where"),
    "stop": t("end what runs"),
    "hardware": t("this computer"),
    "diagnose": t("what a log shows: the cause, and what helps"),
    "proxy": t("proxies: show what is set, set Gesso's own, test the way to each service"),
    "mirrors": t("the places that files come from: list, show, test, use"),
    "models": t("models: list, download, add, verify, convert; link another program's install in place"),
    "profiles": t("run profiles: how to serve, each under a name"),
    "report": t("one file to attach to a question: what there is and what went wrong, without names and secrets"),
    "doctor": t("look at everything that is known to break; --fix mends it, --undo takes a mend back"),
    "update": t("Gesso itself: what a newer version would change, the move to it, and back"),
    "env": t("the engine's environments: list, create, repair, switch, rollback, remove, freeze"),
}


def find_verb(name: str) -> Verb:
    """The verb of that name, one of VERBS."""
    found: Verb = import_module(f"launcher.verbs.{name}").VERB
    return found
