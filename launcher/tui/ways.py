"""Where each verb of the command line is done here: a screen, and there perhaps the action of one of its keys."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.core.text import Text, t
from launcher.verbs import VERBS

#: not in SCREENS: it lies under all others
HOME = "home"


#: screen -> what it is called in the palette; a screen without a line here is not listed there
TITLES: dict[str, Text] = {
    HOME: t("Home"),
    "setup": t("The guided install"),
    "models": t("Models"),
    "catalogue": t("Models to download"),
    "environments": t("Environments"),
    "profiles": t("Run profiles"),
    "network": t("Network: where files come from"),
    "proxy": t("Network: the proxy"),
    "console": t("Console"),
    "troubleshooting": t("Troubleshooting"),
    "handbook": t("The handbook"),
    "report": t("A report to attach to a question"),
    "settings": t("Settings"),
    "update": t("A newer Gesso"),
}


@dataclass(frozen=True)
class Way:
    """`action` "": what it is done with has to be picked there first. `does`: as the command line's help says it,
    None as VERBS has it.
    """

    screen: str
    action: str = ""
    does: Text | None = None


#: a verb, with its second word where it has any
WAYS: dict[str, Way] = {
    "up": Way(HOME, "go"),
    "plan": Way(HOME),
    "install": Way(HOME, "go"),
    "launch": Way(HOME, "go"),
    "status": Way(HOME),
    "stop": Way(HOME, "stop"),
    "hardware": Way(HOME),
    "proxy show": Way("proxy", does=t("the proxies that are set, where, and which counts")),
    "proxy set": Way("proxy", "set", t("Gesso's own setting, which wins over the others")),
    "proxy test": Way("proxy", "test", t("try every service directly and through the proxy")),
    "mirrors list": Way("network", does=t("all mirrors, with what was measured; * is the one that counts")),
    "mirrors show": Way("network", does=t("which mirror counts, which come after it, and why")),
    "mirrors test": Way("network", "test", t("measure every mirror for the very file that is needed")),
    "mirrors use": Way("network", does=t("choose a mirror, or take a choice back")),
    "models list": Way("models", does=t("what is there, and with --catalogue what can be fetched")),
    "models download": Way("catalogue", does=t("fetch models of the catalogue")),
    "models add": Way("models", does=t("put a file, or what lies at an address, into its folder")),
    "models verify": Way("models", does=t("are the bytes the right ones?")),
    "models convert": Way("models", does=t("a pickle as safetensors; the original stays")),
    "models link": Way("models", does=t("use another program's install where it lies")),
    "models unlink": Way("models", does=t("use it no longer; nothing is deleted")),
    "profiles list": Way("profiles", does=t("what there is, and how the last start with each went")),
    "profiles show": Way("profiles", does=t("one of them, with the exact command line")),
    "profiles save": Way(
        "profiles", does=t("keep what is given under a name; flags for the runtime come after two dashes")
    ),
    "profiles delete": Way("profiles", does=t("take one of your own away")),
    "update": Way("update"),
    "env list": Way(
        "environments", does=t("what there is, on the disk and shared, and what changed since it last worked")
    ),
    "env create": Way("environments", does=t("make one beside the others, and prove it")),
    "env repair": Way("environments", does=t("name what is broken, and build the same again beside it")),
    "env switch": Way("environments", does=t("make one the current one")),
    "env rollback": Way("environments", does=t("back to the one before")),
    "env remove": Way("environments", does=t("delete one that is not in use")),
    "env freeze": Way("environments", does=t("its exact versions and hashes; with --pack all that it needs")),
    "setup": Way("setup"),
    "doctor": Way("troubleshooting"),
    "diagnose": Way("troubleshooting"),
    "report": Way("report"),
}


def does(verb: str) -> Text | None:
    """What the verb does; None for one that the command line has not."""
    return WAYS[verb].does or VERBS.get(verb)
