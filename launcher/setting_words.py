"""Every key of config.toml in words: what it is for, what counts without it, and what wins over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from launcher.core.network.mirror_told import VARIABLES
from launcher.core.network.mirrors import KINDS, Kind
from launcher.core.settings import Value
from launcher.core.text import Text, t
from launcher.core.web_address import shown


@dataclass(frozen=True)
class SettingWords:
    """Of one key."""

    meaning: Text
    #: what counts while nothing is chosen
    without: Text
    form: Literal["choice", "text", "number", "list"] = "text"
    #: for a choice: word -> what it means
    choices: tuple[tuple[str, Text], ...] = ()
    #: variables of the environment that win over it, the strongest first
    variables: tuple[str, ...] = ()
    #: an option of the command line that wins over it
    option: str = ""


_MIRRORS: dict[Kind, Text] = {
    "packages": t("Where Python's packages come from."),
    "torch": t("Where PyTorch comes from."),
    "huggingface": t("Where models of Hugging Face come from."),
    "modelscope": t("Where models of ModelScope come from."),
    "github": t("Where files and Gesso's own updates come from that lie at GitHub."),
    "python": t("Where a Python comes from, if this computer has none that fits."),
}
_WRITTEN = t("A name of the network screen, an address, or official.")


def _mirror(kind: Kind) -> SettingWords:
    meaning = t("{meaning} {written}", meaning=_MIRRORS[kind], written=_WRITTEN)
    return SettingWords(meaning, t("what is measured"), variables=VARIABLES[kind])


WORDS: dict[str, SettingWords] = {
    "language": SettingWords(
        t("The language that you are spoken to in."),
        t("as the system"),
        "choice",
        (("zh", t("中文 (Chinese)")), ("en", t("English"))),
        option="--lang",
    ),
    "theme": SettingWords(
        t("The colours of this interface."),
        t("dark"),
        "choice",
        (("dark", t("dark colours")), ("light", t("light colours")), ("contrast", t("colours of strong contrast"))),
    ),
    "python": SettingWords(
        t("The Python of new environments: a version such as 3.12, or the path of an interpreter."),
        t("the one that fits best"),
        variables=("PYTHON",),
        option="--python",
    ),
    **{f"mirrors.{kind}": _mirror(kind) for kind in KINDS},
    "proxy.address": SettingWords(
        t("The proxy that everything goes out through, such as 127.0.0.1:7890; none: no proxy at all."),
        t("as the system says"),
    ),
    "proxy.direct": SettingWords(
        t("What goes past the proxy: services (packages, github …) and hosts, with commas between."),
        t("none"),
        "list",
    ),
    "downloads.limit_kib": SettingWords(
        t("How fast everything together may be downloaded, in KiB per second; 0: as fast as it goes."),
        t("as fast as it goes"),
        "number",
    ),
    "models.linked": SettingWords(
        t("Folders of other programs' installs whose models are used where they lie, with commas between."),
        t("none"),
        "list",
    ),
}


def what_wins(words: SettingWords, environ: Mapping[str, str]) -> Text:
    """What counts instead of the setting now, or could."""
    found = next((name for name in words.variables if environ.get(name)), None)
    if found is not None:
        return t("The variable {name} is set, and wins: {value}", name=found, value=shown(environ[found]))
    stronger = [*([words.option] if words.option else ()), *words.variables]
    if stronger:
        return t("Would win over it: {names}", names=", ".join(stronger))
    return t("Nothing wins over it.")


def written(value: object) -> str:
    """A value as it is typed."""
    if value is None or value == ():
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def read(words: SettingWords, text: str) -> Value | None:
    """What was typed, as config.toml keeps it; None for nothing. ValueError for a number that is none."""
    if not text.strip():
        return None
    if words.form == "number":
        return int(text)
    return [each.strip() for each in text.split(",") if each.strip()] if words.form == "list" else text.strip()
