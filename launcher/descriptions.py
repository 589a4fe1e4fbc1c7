"""Plan and status as lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from launcher.amounts import in_bytes, in_mib
from launcher.core.network.mirrors import TITLES
from launcher.core.plan.plan import Plan
from launcher.core.running import Status
from launcher.core.serving.command_line import CommandLine
from launcher.core.text import Text, moment, t
from launcher.core.web_address import shown

_UNKNOWN = t("unknown")


def of_plan(plan: Plan) -> Iterator[Text]:
    """What would be done, with reasons, and what stands in the way."""
    torch = plan.torch
    if torch.tag is None:
        # nothing of it would be done
        yield from _findings(plan)
        return
    yield t("PyTorch {build} from {source}: {reason}", build=torch.build or torch.version,
            source=shown(torch.source or "?"), reason=torch.reason)  # fmt: skip
    if torch.others:
        builds = ", ".join(other.build or other.version for other in torch.others)
        yield t("If it does not pass its proof, these are tried: {builds}", builds=builds)
    yield t("Memory: {mode}, attention {attention}: {reason}", mode=plan.memory.mode,
            attention=plan.memory.attention, reason=plan.memory.reason)  # fmt: skip
    for number, step in enumerate(plan.steps, 1):
        state = t("there already") if step.state == "done" else t("to do")
        yield t("  {number}. {title}: {state}", number=number, title=step.title, state=state)
    for download in plan.downloads:
        size = _UNKNOWN if download.bytes is None else in_bytes(download.bytes)
        yield t(
            "Download: {name}, {size}, from {source}",
            name=TITLES.get(download.name, download.name),
            size=size,
            source=download.source,
        )
        if download.others:
            yield t("    if that fails: {names}", names=", ".join(download.others))
        if download.why:
            yield t("    {reason}", reason=download.why)
    if plan.missing:
        yield t(
            "Disk: {needed} needed, {free} free.", needed=_size(plan.disk_needed_mib), free=_size(plan.disk_free_mib)
        )
    yield from _findings(plan)


def _findings(plan: Plan) -> Iterator[Text]:
    for finding in plan.findings:
        yield t(
            "{severity}: {message} [{slug}]",
            severity=_SEVERITIES[finding.severity],
            message=finding.message,
            slug=finding.slug,
        )


def of_command(command: CommandLine) -> Iterator[Text]:
    """How the runtime is started, without secrets."""
    yield t("Command: {command}", command=command.line())
    for name, value in command.shown_variables.items():
        yield t("    with {name}={value}", name=name, value=value) if value else t("    without {name}", name=name)


def of_status(status: Status) -> Text:
    """One sentence."""
    if status.state == "serving":
        return t(
            "Serving at {url} (process {pid}, since {since}).",
            url=status.url,
            pid=status.pid,
            since=moment(status.since or ""),
        )
    if status.state == "starting":
        return t("Starting (process {pid}, since {since}).", pid=status.pid, since=moment(status.since or ""))
    return t("Nothing is running.")


_SEVERITIES = {"info": t("Note"), "warning": t("Warning"), "error": t("Error")}


def _size(mib: int | None) -> object:
    return _UNKNOWN if mib is None else in_mib(mib)
