"""The runtime's command line: from the run profile, the user's options and COMMANDLINE_ARGS, with what contradicts."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from launcher.core.environments.unproven import UNPROVEN
from launcher.core.errors import Finding, LauncherError
from launcher.core.models.links import read_links
from launcher.core.paths import PROXIES, Workspace, engine_environment, written_path
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan, wants_xformers
from launcher.core.profiles.flag_names import in_full
from launcher.core.profiles.flag_words import (
    ACCEPT_UNPROTECTED,
    SECRETS,
    groups,
    has,
    last_value,
    masked,
    masked_variables,
    one_line,
    only,
    split_words,
    values,
    without,
)
from launcher.core.profiles.run_profiles import ATTENTION_FLAGS, ATTENTION_ORDER, RunProfile, attention_of
from launcher.core.pytorch.allowed import CARD_VARIABLES, CUDA_ORDER, GFX
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.text import Text, t

#: where the page is opened if no flag says it
#: as runtime/gate/accounts.py asks for
_SHORTEST_FOR_SHARING = 12
_SERVER_NAME = "GRADIO_SERVER_NAME"
#: the accounts that were given, a password that is made at each start, or nobody is asked for anything
Login = Literal["own", "made", "nobody"]
UNPROTECTED = t("Others can reach it and nobody is asked for a password: whoever finds it comes in.")


@dataclass(frozen=True)
class CommandLine:
    """How the runtime is started: `variables` are added to the child's, "" takes one away."""

    words: tuple[str, ...]
    variables: Mapping[str, str]

    @property
    def shown(self) -> tuple[str, ...]:
        """The words without secrets; those that go by COMMANDLINE_ARGS stand at the end, as they count."""
        return (*masked(self.words), *masked(split_words(self.variables.get("COMMANDLINE_ARGS", ""))))

    @property
    def shown_variables(self) -> dict[str, str]:
        """The variables without secrets."""
        return masked_variables({name: v for name, v in self.variables.items() if name != "COMMANDLINE_ARGS"})

    def line(self, *, windows: bool = sys.platform == "win32") -> str:
        """For people: what could be typed, secrets masked."""
        return one_line(self.shown, windows=windows)


def complete(options: Options, profile: RunProfile, environ: Mapping[str, str], workspace: Workspace) -> Options:
    """`options` with what the run profile says where they say nothing, and with COMMANDLINE_ARGS at the end.

    As in AUTOMATIC1111 what stands in COMMANDLINE_ARGS comes after all other flags and so wins over them, but for the
    card, where `--gpu` wins. LauncherError `port-unknown`.
    """
    words = [split_words(each.get("COMMANDLINE_ARGS", "")) for each in (profile.environment, environ)]
    flags = in_full((*profile_flags(profile, workspace), *options.runtime_flags, *words[0], *words[1]))
    port = _port(flags)
    cards = (options.gpu, last_value(flags, "--device-id"), profile.gpu)
    environment = {name: value for name, value in profile.environment.items() if name != "COMMANDLINE_ARGS"}
    return replace(
        options,
        memory=_memory(flags, options.memory if options.memory is not None else profile.memory),
        gpu=next((card for card in cards if card is not None), None),
        port=next((each for each in (port, options.port, profile.port) if each is not None), None),
        listen=options.listen or bool(profile.listen) or has(flags, "--listen"),
        share=options.share or bool(profile.share) or has(flags, "--share"),
        # of the cards only the chosen one can be seen
        runtime_flags=without(flags, "--listen", "--share", "--device-id", "--port"),
        variables=tuple({**_taken_over(environ), **environment}.items()),
    )


def _port(flags: Sequence[str]) -> int | None:
    word = last_value(flags, "--port")
    if word is None:
        return None
    if not word.isdecimal() or not 0 < int(word) < 65536:
        raise LauncherError(
            "port-unknown",
            t("--port needs a number from 1 to 65535, not {word}.", word=word),
            t("It may stand after two dashes, in COMMANDLINE_ARGS or in the run profile's flags."),
        )
    return int(word)


def profile_flags(profile: RunProfile, workspace: Workspace) -> tuple[str, ...]:
    """What the profile's settings are as AUTOMATIC1111's flags, its own flags last."""
    found = [ATTENTION_FLAGS[profile.attention]] if profile.attention else []
    checkpoints = workspace.models / "Stable-diffusion"
    found += ["--ckpt", str(checkpoints / written_path(profile.model))] if profile.model else []
    found += ["--theme", profile.theme] if profile.theme else []
    found += _language(profile.language)
    found += ["--gradio-auth", ",".join(profile.auth)] if profile.auth else []
    found += ["--gradio-auth-path", str(workspace.root / written_path(profile.auth_file))] if profile.auth_file else []
    return (*found, *profile.flags)


def command_line(workspace: Workspace, python: Path, options: Options, plan: Plan) -> CommandLine:
    """`options` are complete. Secrets go by a variable: other users can read a command line, but no environment."""
    flags = flags_of(options, plan)
    words = [str(python), "-m", "runtime", "--data-dir", str(workspace.root)]
    words += [*read_links(workspace).flags, *without(flags, *SECRETS)]
    # Without a port the runtime takes the first free one, and holds it from that moment on.
    words += [*(["--port", str(options.port)] if options.port is not None else []), "--events"]
    unheeded = _unheeded(options)
    variables = {name: value for name, value in options.variables if name not in unheeded}
    # Its words stand among ours already: the runtime would append them a second time.
    variables["COMMANDLINE_ARGS"] = shlex.join(only(flags, *SECRETS))
    if plan.torch.card:
        # the plan has followed them or said why not: beside its own they would hide what it has chosen
        variables |= dict.fromkeys(set(CARD_VARIABLES) & variables.keys(), "")
    variables |= dict(plan.torch.visible)
    return CommandLine(tuple(words), variables)


def flags_of(options: Options, plan: Plan) -> tuple[str, ...]:
    """The memory profile's flags first, the user's last, because the last one wins; without port."""
    users = options.runtime_flags
    memory = plan.memory.flags
    if attention_of(users):
        memory = without(memory, *ATTENTION_FLAGS.values())
    memory = tuple(word for group in groups(memory) if group[0] not in users for word in group)
    asked = [*(["--listen"] if options.listen else []), *(["--share"] if options.share else [])]
    return (*memory, *asked, *users)


def with_command_line(plan: Plan, options: Options) -> Plan:
    """`plan` with the attention that the flags ask for, and with what is to be said about the flags."""
    attention = attention_of(options.runtime_flags)
    memory = plan.memory
    if attention:
        memory = replace(memory, attention=attention, flags=without(memory.flags, *ATTENTION_FLAGS.values()))
    findings = (*plan.findings, *find_conflicts(options, plan))
    asked = memory.attention == "xformers" or (attention is None and wants_xformers(options))
    if asked and not plan.xformers:
        findings = (*findings, Finding("xformers-missing", "warning", _without_xformers(plan.torch)))
    if memory.attention == "xformers" and not plan.xformers:
        memory = replace(memory, attention="sdp", flags=without(memory.flags, "--xformers"))
    return replace(plan, memory=memory, findings=findings)


def _without_xformers(torch: TorchChoice) -> Text:
    build = torch.build or torch.version
    if torch.xformers is None:
        return t(
            "xFormers was asked for, and there is none for PyTorch {build}: PyTorch's own attention takes its place.",
            build=build,
        )
    return t(
        "xFormers {version} for PyTorch {build} could not be installed here: PyTorch's own attention takes its place. "
        "To have it tried again, delete {file}.",
        version=torch.xformers,
        build=build,
        file=f"state/{UNPROVEN}",
    )


def exposed(options: Options) -> bool:
    """Can other computers reach it, be it through a proxy on this one? As the runtime sees it."""
    return options.share or listens(options) or bool(names_for_others(options))


def asks_for(options: Options) -> Login | None:
    """What others are asked for, with --local-auth here too, as runtime/gate/accounts.py decides; None where none can
    reach it.
    """
    flags, others = options.runtime_flags, exposed(options)
    if not others and not has(flags, "--local-auth"):
        return None
    # where there is a page, the API's accounts do not guard it
    api = ("--api-auth",) if has(flags, "--nowebui") else ()
    if any(last_value(flags, name) for name in ("--gradio-auth", "--gradio-auth-path", *api)):
        return "own"
    return "nobody" if others and has(flags, ACCEPT_UNPROTECTED) else "made"


def names_for_others(options: Options) -> tuple[str, ...]:
    """Those by which a proxy on this computer brings others."""
    return tuple(name for name in values(options.runtime_flags, "--allow-host") if name and not _is_loopback(name))


def listens(options: Options) -> bool:
    """Does it answer on other addresses than this computer's own?"""
    name = last_value(options.runtime_flags, "--server-name")
    if not name and not options.listen and not has(options.runtime_flags, "--nowebui"):
        name = dict(options.variables).get(_SERVER_NAME)
    return not _is_loopback(name) if name else options.listen


def _is_loopback(host: str) -> bool:
    """A name that is no address counts as reachable, as it does for the runtime."""
    try:
        return host.lower() == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def find_conflicts(options: Options, plan: Plan) -> Iterator[Finding]:
    """Flags that contradict each other, and which of them counts; a password that will be made."""
    flags = flags_of(options, plan)
    for first, second, what in _contradictions(flags):
        yield Finding("flags-contradict", "warning", t("{first} and {second}: {what}", first=first, second=second,
                                                       what=what))  # fmt: skip
    if last_value(flags, "--precision") == "half" and (has(flags, "--no-half") or has(flags, "--no-half-vae")):
        yield Finding(
            "flags-refused",
            "error",
            t("--precision half and --no-half or --no-half-vae exclude each other: leave one of them out."),
        )
    if unheeded := _unheeded(options):
        names = ", ".join(unheeded)
        yield Finding(
            "variables-not-followed",
            "warning",
            t("The run profile sets {names}, which Gesso sets itself: that is not followed.", names=names),
        )
    if options.share and (weak := _too_short(flags)):
        yield Finding(
            "share-password-short",
            "error",
            t(
                "The password of {name} is too short for a public link: take at least {count} characters, or none, and "
                "a strong one is made at the start.",
                name=weak,
                count=_SHORTEST_FOR_SHARING,
            ),
        )
    login = asks_for(options)
    if login == "made":
        others = t("Others can reach it and no password was given: one is made at the start and shown once.")
        here = t("No password was given: one is made at the start and shown once.")
        yield Finding("password-made", "info", others if exposed(options) else here)
    if login == "nobody":
        yield Finding("unprotected-remote", "warning", UNPROTECTED)


def _too_short(flags: tuple[str, ...]) -> str | None:
    """The first name whose password the runtime would refuse to share with."""
    given = (last_value(flags, flag) or "" for flag in ("--gradio-auth", "--api-auth"))
    lines = (line.strip() for value in given for line in value.split("\n"))
    accounts = (account.partition(":") for line in lines if line for account in _accounts_in(line))
    return next((name for name, _, password in accounts if len(password) < _SHORTEST_FOR_SHARING), None)


def _accounts_in(line: str) -> list[str]:
    """As the runtime reads them: a comma parts accounts where each part is one, and belongs to a password elsewhere."""
    parts = [part.strip() for part in line.split(",") if part.strip()]
    return parts if parts and all(re.fullmatch("[^:]+:.+", part) for part in parts) else [line]


def _contradictions(flags: tuple[str, ...]) -> Iterator[tuple[str, str, Text]]:
    first_wins = t("the first one counts.")
    pairs = [("--lowvram", "--medvram"), ("--lowvram", "--medvram-sdxl"), ("--no-half", "--upcast-sampling")]
    for winner, loser in pairs:
        if has(flags, winner) and has(flags, loser):
            yield winner, loser, first_wins
    if last_value(flags, "--server-name") and has(flags, "--listen"):
        yield "--server-name", "--listen", first_wins
    if has(flags, "--api") and has(flags, "--no-api"):
        yield "--no-api", "--api", t("there is no API then.")
    if has(flags, "--tls-certfile") != has(flags, "--tls-keyfile"):
        yield "--tls-certfile", "--tls-keyfile", t("HTTPS needs both; one alone does nothing.")
    asked = [ATTENTION_FLAGS[name] for name in ATTENTION_ORDER if has(flags, ATTENTION_FLAGS[name])]
    for loser in asked[1:]:
        yield asked[0], loser, first_wins


def _memory(flags: tuple[str, ...], wanted: str | None) -> str | None:
    """A memory mode among the flags counts as asked for: it is what the runtime will do."""
    if _on_processor(flags):
        return "cpu"
    if has(flags, "--lowvram"):
        return "lowvram"
    if has(flags, "--medvram") and wanted not in ("lowvram", "cpu"):
        return "medvram"
    return wanted


def _on_processor(flags: tuple[str, ...]) -> bool:
    """Does the last --use-cpu put the models there, as runtime/engine/memory/plan.py reads it?"""
    given = [*groups(only(flags, "--use-cpu"))] or [("",)]
    _, equals, value = given[-1][0].partition("=")
    return bool({"all", "sd"} & {word.lower() for word in ((value,) if equals else given[-1][1:])})


def _unheeded(options: Options) -> tuple[str, ...]:
    """Variables of the run profile that Gesso sets itself, so that they do not reach the runtime."""
    wished = dict(options.variables)
    child = engine_environment(Workspace(Path()), wished)
    return tuple(name for name, value in wished.items()
                 if value and child.get(name) != value and name.lower() not in (*PROXIES, "no_proxy"))  # fmt: skip


def _taken_over(environ: Mapping[str, str]) -> dict[str, str]:
    """What the user's own environment says about the address, and about which cards may be seen and as what; empty
    hides them all."""
    shown = {name: environ[name] or "-1" for name in CARD_VARIABLES if name in environ}
    return {**shown, **{name: environ[name] for name in (CUDA_ORDER, GFX, _SERVER_NAME) if environ.get(name)}}


def _language(name: str | None) -> list[str]:
    if name is None:
        return []
    if name.lower() in ("en", "none"):
        return ["--localization-none"]
    return ["--localization", "zh_CN" if name.lower() in ("zh", "zh-cn") else name]
