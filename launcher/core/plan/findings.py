"""What stands in the way of a plan, or should be known before it is carried out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from launcher.core.errors import Finding
from launcher.core.hardware.look import Machine
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Sources
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.pytorch.table import read_torch_table
from launcher.core.text import t

#: Windows' MAX_PATH without its closing zero
_LONGEST = 259
#: where the longest paths lie: an unpacked wheel in uv's cache, and the environment itself
_DEEPEST = ("/cache/uv/archive-v0/0123456789abcdefghijk/", "/environments/torch-2.13.0-cu130-10/Lib/site-packages/")


def look_for_trouble(
    machine: Machine,
    torch: TorchChoice,
    pip: PipSettings,
    sources: Sources,
    workspace: Path,
    disk_needed_mib: int,
    *,
    outside: bool = False,
) -> tuple[Finding, ...]:
    """All findings, errors first. `outside`: the engine's packages do not lie in the workspace."""
    found = [
        *_about_torch(torch),
        *_about_disk(machine, disk_needed_mib),
        *_about_lock(sources),
        *_about_paths(machine, workspace),
        *(() if outside else _about_programs(machine, workspace)),
        *_about_pip(pip),
    ]
    return tuple(sorted(found, key=lambda finding: ("error", "warning", "info").index(finding.severity)))


def _about_torch(torch: TorchChoice) -> Iterator[Finding]:
    if torch.slug is not None:
        yield Finding(torch.slug, "error" if torch.tag is None else "warning", torch.reason)
    yield from torch.remarks
    if torch.tag is not None and not torch.run_by_us:
        message = t(
            "PyTorch {build} for this system was not run by Gesso's makers; after the install it is proven on this "
            "computer.",
            build=torch.build,
        )
        yield Finding("torch-not-run-by-us", "info", message)


def _about_disk(machine: Machine, needed: int) -> Iterator[Finding]:
    free = machine.disk_free_mib
    if free is not None and free < needed:
        yield Finding(
            "disk-low",
            "error",
            t(
                "The disk has {free} MiB free and {needed} MiB are needed: "
                "free some space, or choose a folder on another disk with --root.",
                free=free,
                needed=needed,
            ),
        )


def _about_lock(sources: Sources) -> Iterator[Finding]:
    if sources.lock_sha256 is None:
        yield Finding("lock-missing", "error", t("The list of the engine's packages is not there: fetch Gesso afresh."))


def _about_paths(machine: Machine, workspace: Path) -> Iterator[Finding]:
    volume = machine.volume_of("workspace")
    if machine.workspace_writable is False or (volume and volume.read_only):
        yield Finding(
            "workspace-read-only",
            "error",
            t("Nothing can be written in {folder}: choose a folder of your own with --root.", folder=workspace),
        )
    if machine.os != "windows" or machine.long_paths:
        return
    longest = path_too_long(workspace)
    if longest:
        yield Finding(
            "path-too-long",
            "warning",
            t(
                "The longest path would have {length} characters, and Windows allows {allowed}: "
                "choose a shorter folder with --root, such as C:\\gesso, or turn on long paths.",
                length=longest,
                allowed=_LONGEST,
            ),
        )


def _about_programs(machine: Machine, workspace: Path) -> Iterator[Finding]:
    volume = machine.volume_of("workspace")
    if volume and volume.noexec:
        yield Finding(
            "workspace-noexec",
            "warning",
            t(
                "{folder} is on a disk that is mounted with noexec: no program runs there, nor can PyTorch be loaded. "
                "Choose a folder on another disk with --root, or mount this one without noexec.",
                folder=workspace,
            ),
        )


def path_too_long(workspace: Path) -> int | None:
    """The length of the longest path in it, where that is more than Windows allows while long paths are off."""
    # Windows counts UTF-16 units: an emoji is two.
    root = len(str(workspace).encode("utf-16-le")) // 2
    longest = root + max(map(len, _DEEPEST)) + read_torch_table().longest_path
    return longest if longest > _LONGEST else None


def _about_pip(pip: PipSettings) -> Iterator[Finding]:
    if pip.trusted_hosts:
        hosts = ", ".join(pip.trusted_hosts)
        yield Finding(
            "trusted-host-ignored",
            "warning",
            t(
                "pip's setting trusted-host ({hosts}) is not followed for the engine: Gesso checks every certificate. "
                "For the launcher's own packages pip itself follows it, and compares each with its known SHA-256.",
                hosts=hosts,
            ),
        )
