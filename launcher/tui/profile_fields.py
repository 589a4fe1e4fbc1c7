"""The fields of a run profile's form: what each does, what it chooses from, and how its text becomes a setting."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from launcher.core.errors import LauncherError
from launcher.core.hardware.machine import Gpu
from launcher.core.profiles.flag_words import split_words
from launcher.core.profiles.run_profiles import ATTENTION_FLAGS, RunProfile
from launcher.core.text import Text, t
from launcher.tui.asks_profiles import FormSeen

#: what is written in each field, by its key; "" is not set
Values = Mapping[str, str]
YES, NO = "yes", "no"


@dataclass(frozen=True)
class Field:
    """One field: a choice where `choices` are given, else a line of text."""

    key: str
    label: Text
    #: the flag or file key behind it, as A1111 writes it
    flag: str
    #: what it does, in a sentence or two
    does: Text
    #: value and what is shown for it
    choices: Callable[[FormSeen], tuple[tuple[str, Text], ...]] | None = None
    secret: bool = False


def word(text: str) -> Text:
    """A name that is the same in every language."""
    return Text("{name}", (("name", text),))


def _yes_no(_: FormSeen) -> tuple[tuple[str, Text], ...]:
    return (YES, t("yes")), (NO, t("no"))


def _words(*names: str) -> Callable[[FormSeen], tuple[tuple[str, Text], ...]]:
    return lambda _: tuple((name, word(name)) for name in names)


def _cards(seen: FormSeen) -> tuple[tuple[str, Text], ...]:
    return tuple((_id(gpu, place), word(gpu.name or gpu.vendor or "?")) for place, gpu in enumerate(seen.cards))


def _id(gpu: Gpu, place: int) -> str:
    """By UUID where it is known: another card in the computer may change every index."""
    return gpu.uuid or str(place if gpu.index is None else gpu.index)


FIELDS = (
    Field("title", t("Title"), "title", t("What this profile is for, in your own words.")),
    Field(
        "extends",
        t("Built on"),
        "extends",
        t("What is not set here is as that profile has it."),
        lambda seen: tuple((name, word(name)) for name in seen.parents),
    ),
    Field("gpu", t("GPU"), "--device-id", t("The card that draws. It is kept by its own number, so it stays this "
          "card when another is plugged in."), _cards),
    Field("memory", t("Memory mode"), "--medvram --lowvram", t("How the model lies in video memory: full is fastest, "
          "medvram and lowvram need less and are slower. Not set: what fits the card."),
          lambda seen: tuple((name, word(name)) for name in seen.memory)),
    Field("attention", t("Attention"), "--xformers …", t("How attention is computed; sdp is PyTorch's own and right "
          "for nearly every card."), _words(*ATTENTION_FLAGS)),
    Field("port", t("Port"), "--port", t("The number after the colon of the address. Not set: the first free one "
          "from 7860.")),
    Field("listen", t("Listen"), "--listen", t("Other computers and phones in your network can open the page. "
          "Without a password of yours, one is made at the start and shown once."), _yes_no),
    Field("share", t("Public link"), "--share", t("A public address through Gradio's relay, for as long as it runs. "
          "Without a password of yours, one is made at the start and shown once."), _yes_no),
    Field("auth", t("Accounts"), "--gradio-auth", t("Who may come in: name:password, several separated by commas. "
          "They are kept in the profile's file, which only you can read."), secret=True),
    Field("auth_file", t("Accounts file"), "--gradio-auth-path", t("A file with a line name:password for each "
          "account, so that no password stands in the profile.")),
    Field("model", t("Model"), "--ckpt", t("The checkpoint to begin with, as it lies in the models folder. Not set: "
          "the one used last.")),
    Field("theme", t("Theme"), "--theme", t("The page's colours."), _words("light", "dark")),
    Field("language", t("Page language"), "--localization", t("The page's language. Not set: as the page's own "
          "settings say."), _words("zh_CN", "en")),
    Field("flags", t("More flags"), "…", t("Further flags of AUTOMATIC1111, as on its command line: they come after "
          "all others.")),
    Field("environment", t("Variables"), "set", t("Variables for the runtime: NAME=VALUE, separated by spaces. A "
          "value with spaces stands in quotation marks.")),
)  # fmt: skip
BY_KEY = {field.key: field for field in FIELDS}


def values_of(profile: RunProfile) -> dict[str, str]:
    """What its own file says, as the form writes it."""
    return {field.key: _written(field.key, getattr(profile, field.key)) for field in FIELDS}


def _written(key: str, value: Any) -> str:
    if key == "auth":
        return ",".join(value)
    if key == "flags":
        return shlex.join(value)
    if key == "environment":
        return shlex.join(f"{name}={each}" for name, each in value.items())
    if isinstance(value, bool):
        return YES if value else NO
    return "" if value is None else str(value)


def profile_of(values: Values) -> RunProfile:
    """The settings that the fields ask for. LauncherError `bad-facts` for what cannot be meant."""
    said = {key: value.strip() for key, value in values.items() if value.strip()}
    found: dict[str, Any] = {
        key: value
        for key, value in said.items()
        if key not in ("port", "listen", "share", "auth", "flags", "environment")
    }
    for key in ("listen", "share"):
        if key in said:
            found[key] = said[key] == YES
    if "port" in said:
        found["port"] = _number(said["port"])
    if "auth" in said:
        found["auth"] = tuple(part.strip() for part in said["auth"].split(",") if part.strip())
    if "flags" in said:
        found["flags"] = split_words(said["flags"])
    if "environment" in said:
        found["environment"] = dict(_variable(part) for part in split_words(said["environment"]))
    return RunProfile(**found)


def _number(text: str) -> int:
    if text.isascii() and text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise _bad(t("The port must be a number from 1 to 65535."))


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise _bad(t("A variable is written NAME=VALUE, not {text}.", text=text))
    return name, value


def _bad(what: Text) -> LauncherError:
    return LauncherError("bad-facts", what, t("Nothing was saved. Give it as it should be."))


def inherited(field: Field, values: Values, seen: FormSeen) -> str:
    """What counts where the field is empty: as the profile that it is built on has it; "" where that says nothing."""
    parent = seen.parents.get(values.get("extends", ""))
    if parent is None or field.key in ("title", "extends"):
        return ""
    text = _written(field.key, getattr(parent, field.key))
    return "***" if text and field.secret else text
