"""Run profiles (how to serve): TOML files in profiles/run/ and the user's own, each perhaps built on another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from launcher.core.errors import LauncherError
from launcher.core.facts import read_facts
from launcher.core.paths import checkout, is_device
from launcher.core.profiles.flag_names import in_full
from launcher.core.profiles.flag_words import ACCEPT_UNPROTECTED, has, split_words
from launcher.core.text import Text, t

#: AUTOMATIC1111's names of attention, and the flag that asks for each
Attention = Literal[
    "sdp", "sdp-no-mem", "xformers", "doggettx", "v1", "invokeai", "sub-quadratic", "none"
]  # fmt: skip
ATTENTION_FLAGS: dict[str, str] = {
    "sdp": "--opt-sdp-attention",
    "sdp-no-mem": "--opt-sdp-no-mem-attention",
    "xformers": "--xformers",
    "doggettx": "--opt-split-attention",
    "v1": "--opt-split-attention-v1",
    "invokeai": "--opt-split-attention-invokeai",
    "sub-quadratic": "--opt-sub-quad-attention",
    "none": "--disable-opt-split-attention",
}
#: the order in which the runtime believes attention flags that stand together
ATTENTION_ORDER = ("none", "xformers", "doggettx", "sdp-no-mem", "sdp", "sub-quadratic", "v1", "invokeai")
#: a file may bear it on every system, and a command line take it for no option
_NAME = re.compile(r"[^\W_][^\\/:*?\"<>|\x00-\x1f\x7f]{0,63}(?<![. ])")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class RunProfile:
    """One file; None and nothing: as the profile it is built on says, else as Gesso does by itself."""

    title: str = ""
    why: str = ""
    #: the profile whose settings hold where this one says nothing
    extends: str | None = None
    #: UUID, or index, of the card to draw on
    gpu: str | None = None
    #: name of a memory profile; None lets the card decide
    memory: str | None = None
    attention: Attention | None = None
    port: int | None = None
    #: reachable from other computers
    listen: bool | None = None
    #: a public link
    share: bool | None = None
    #: "name:password" of those who may come in; none of them, and the runtime makes a password where one is needed
    auth: tuple[str, ...] = ()
    #: a file with the same, so that no password stands here
    auth_file: str | None = None
    #: the checkpoint to begin with: a file
    model: str | None = None
    theme: Literal["light", "dark"] | None = None
    #: the page's language: the name of a localization ("zh_CN"), or "en"
    language: str | None = None
    #: AUTOMATIC1111's flags, put before those of the command line
    flags: tuple[str, ...] = ()
    #: variables for the runtime, "" takes one away
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """One profile as it can be found: `file` None is never; `trouble` says why it cannot be used."""

    name: str
    file: Path
    own: bool
    #: a shipped one of the same name lies beneath
    shadows: bool
    profile: RunProfile | None = None
    trouble: LauncherError | None = None


def read_run_profile(name: str, own: Path | None = None) -> RunProfile:
    """The profile with everything that it is built on; `own` is the user's folder (workspace/profiles).

    LauncherError `profile-unknown` (lists what there is), `profile-cycle`, or `bad-facts` with file, key and remedy.
    """
    files = _files(own)
    if name not in files:
        raise _unknown(name, files)
    return _merged([profile for _, profile in reversed(_chain(name, files))])


def own_settings(name: str, own: Path | None = None) -> RunProfile:
    """What the profile's own file says, without what it is built on; LauncherError as `read_run_profile`."""
    files = _files(own)
    if name not in files:
        raise _unknown(name, files)
    return _chain(name, files)[0][1]


def as_if_saved(name: str, profile: RunProfile, own: Path) -> RunProfile:
    """What `read_run_profile` would give if `profile` were the user's of that name."""
    if profile.extends is None:
        return profile
    files = _files(own)
    if profile.extends == name:
        files[name] = tuple(file for file in files.get(name, ()) if file.parent != own)
    if not files.get(profile.extends):
        raise _unknown(profile.extends, files)
    return _merged([*(each for _, each in reversed(_chain(profile.extends, files))), profile])


def parents_of(name: str, own: Path | None = None) -> tuple[str, ...]:
    """The names of what it is built on, the nearest first; as many as can be read."""
    files = _files(own)
    try:
        return tuple(file.stem for file, _ in _chain(name, files)[1:])
    except LauncherError:
        return ()


def known_profiles(own: Path | None = None) -> tuple[Known, ...]:
    """All of them by name; one that is broken does not hide the others."""
    files = _files(own)
    return tuple(_known(name, files, own) for name in sorted(files))


def check_name(name: str) -> None:
    """LauncherError `profile-name` if no file could be called so on every system."""
    if not _NAME.fullmatch(name) or is_device(name):
        raise LauncherError(
            "profile-name",
            t('A profile cannot be called "{name}".', name=name),
            t("Take letters and digits of any language, up to 64, beginning with one of them."),
        )


def check_profile(file: Path | None, profile: RunProfile) -> None:
    """LauncherError `bad-facts` if a value of the right kind cannot be meant; `file` None: it stands in no file yet."""
    for key, what in _wrong(profile):
        if file is None:
            raise LauncherError(
                "bad-facts", t('"{key}" {what}', key=key, what=what), t("Nothing was saved. Give it as it should be.")
            )
        raise LauncherError(
            "bad-facts",
            t('The file {file} is not right: "{key}" {what}', file=file, key=key, what=what),
            t("Correct it with a text editor; a file that came with Gesso is best taken afresh from its source."),
        )


def shipped_folder() -> Path:
    """Where those that came with Gesso lie."""
    return checkout() / "profiles" / "run"


def _files(own: Path | None) -> dict[str, tuple[Path, ...]]:
    """By name, the one that counts first."""
    found: dict[str, tuple[Path, ...]] = {}
    for folder in (shipped_folder(), *([own] if own else [])):
        for file in sorted(folder.glob("*.toml")):
            found[file.stem] = (file, *found.get(file.stem, ()))
    return found


def _known(name: str, files: Mapping[str, tuple[Path, ...]], own: Path | None) -> Known:
    file, *beneath = files[name]
    known = Known(name, file, own is not None and file.parent == own, bool(beneath))
    try:
        return replace(known, profile=_merged([each for _, each in reversed(_chain(name, files))]))
    except LauncherError as error:
        return replace(known, trouble=error)


def _chain(name: str, files: Mapping[str, tuple[Path, ...]]) -> list[tuple[Path, RunProfile]]:
    """The profile, then what it is built on, and so on. One that extends its own name means the shipped one."""
    chain: list[tuple[Path, RunProfile]] = []
    wanted: str | None = name
    while wanted is not None:
        seen = [file for file, _ in chain]
        candidates = [file for file in files.get(wanted, ()) if not seen or seen[-1].stem != wanted or file not in seen]
        if not candidates:
            raise _no_parent(chain, wanted, files)
        if candidates[0] in seen:
            raise _cycle([*seen, candidates[0]])
        profile = read_facts(candidates[0], RunProfile)
        check_profile(candidates[0], profile)
        chain.append((candidates[0], profile))
        wanted = profile.extends
    return chain


def _merged(profiles: list[RunProfile]) -> RunProfile:
    """The farthest parent first; title and reason are the last one's own, flags and variables add up."""
    result = profiles[0]
    for child in profiles[1:]:
        said = {each.name: getattr(child, each.name) for each in fields(RunProfile)}
        changed = {name: value for name, value in said.items() if value not in (None, (), {})}
        result = replace(
            result,
            **{
                **changed,
                "title": child.title,
                "why": child.why,
                "flags": result.flags + child.flags,
                "environment": {**result.environment, **child.environment},
            },
        )
    return result


def _in_one(flags: Sequence[str]) -> Iterator[tuple[str, Text]]:
    for number, word in enumerate(flags):
        if re.match(r"--[^=\s]+\s", word):
            yield f"flags[{number}]", t("holds a flag and its value in one text: write two, or --name=value.")


def _said_each_time(profile: RunProfile) -> Iterator[tuple[str, Text]]:
    """What no file keeps, so that nobody starts with it unawares."""
    arguments = split_words(profile.environment.get("COMMANDLINE_ARGS", ""))
    for key, words in (("flags", profile.flags), ("environment.COMMANDLINE_ARGS", arguments)):
        if has(in_full(words), ACCEPT_UNPROTECTED):
            yield key, t("holds {flag}, which no profile keeps: give it at each start, after two dashes.",
                         flag=ACCEPT_UNPROTECTED)  # fmt: skip


def _wrong(profile: RunProfile) -> Iterator[tuple[str, Text]]:
    if profile.port is not None and not 0 < profile.port < 65536:
        yield "port", t("must be a number from 1 to 65535.")
    for number, account in enumerate(profile.auth):
        name, colon, password = account.partition(":")
        if not (name and colon and password) or "," in account:
            yield f"auth[{number}]", t('must be "name:password", without a comma.')
    for name, value in profile.environment.items():
        if not _VARIABLE.fullmatch(name) or "\0" in value:
            yield f"environment.{name}", t("is no name of a variable with a text.")
    yield from _in_one(profile.flags)
    yield from _said_each_time(profile)
    for key in ("gpu", "memory", "model", "auth_file", "language", "extends"):
        if getattr(profile, key) == "":
            yield key, t("is empty: leave the line out instead.")
    if profile.language and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", profile.language):
        yield "language", t("must be the name of a localization, as zh_CN, or en.")


def _unknown(name: str, files: Mapping[str, object]) -> LauncherError:
    message = t('There is no run profile "{name}".', name=name)
    return LauncherError("profile-unknown", message, t("There are: {names}.", names=", ".join(sorted(files))))


def _no_parent(chain: list[tuple[Path, RunProfile]], wanted: str, files: Mapping[str, object]) -> LauncherError:
    return LauncherError(
        "bad-facts",
        t(
            'The file {file} is not right: "extends" names "{name}", which is not there.',
            file=chain[-1][0],
            name=wanted,
        ),
        t("There are: {names}.", names=", ".join(sorted(files))),
    )


def _cycle(files: list[Path]) -> LauncherError:
    round_trip = " → ".join(file.stem for file in files)
    return LauncherError(
        "profile-cycle",
        t("These profiles are built on each other in a circle: {names}.", names=round_trip),
        t('Take the line "extends" out of one of them: {file}', file=files[-2]),
    )


def attention_of(flags: Sequence[str]) -> str | None:
    """The attention that counts among those asked for."""
    return next((name for name in ATTENTION_ORDER if has(flags, ATTENTION_FLAGS[name])), None)
