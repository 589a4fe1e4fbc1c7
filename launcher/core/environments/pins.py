"""What was installed from a source once must be the same the next time: SHA-256 pinned on first use."""

from __future__ import annotations

from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.file_hash import sha256
from launcher.core.paths import Workspace
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.records import read_record, write_record
from launcher.core.text import t
from launcher.core.web_address import shown

PINS, HASHED = "pins.json", "hashed-wheel.json"


def pinned(workspace: Workspace, choice: TorchChoice) -> dict[str, list[str]]:
    """The requirements that were installed for `choice` before, each with its allowed SHA-256; {} the first time."""
    record = read_record(workspace.state / PINS) or {}
    found = record.get(_key(choice))
    if not isinstance(found, dict):
        return {}
    return {str(name): [str(each) for each in hashes] for name, hashes in found.items() if isinstance(hashes, list)}


def pin(workspace: Workspace, choice: TorchChoice, requirements: dict[str, list[str]]) -> None:
    """Keep what `choice` means from now on."""
    record = read_record(workspace.state / PINS) or {}
    write_record(workspace.state / PINS, {**record, _key(choice): requirements})


def check_wheel(workspace: Workspace, known: dict[str, list[str]], wheel: Path) -> str:
    """The wheel's SHA-256. LauncherError `hash-mismatch` if `known` has another, `wheel-unreadable`."""
    digest = _known_sha256(workspace, wheel)
    if digest not in known.get(wheel.name, [digest]):
        raise LauncherError(
            "hash-mismatch",
            t("{file} is not the file that was installed from there before: its SHA-256 differs.", file=wheel.name),
            t(
                "If you replaced it yourself, delete its entry in {pins} and try again; else get a clean copy.",
                pins=workspace.state / PINS,
            ),
        )
    return digest


def _key(choice: TorchChoice) -> str:
    return f"torch=={choice.build} from {shown(choice.source or '')}"


def _known_sha256(workspace: Workspace, file: Path) -> str:
    """As computed before, while the file has the size, the date and the number in its file system that it had then:
    hashing torch takes longer than linking it into an environment."""
    try:
        found = file.stat()
    except OSError:
        return _sha256(file)
    state = [str(file), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
    record = read_record(workspace.state / HASHED) or {}
    if record.get("state") == state and isinstance(record.get("sha256"), str):
        return str(record["sha256"])
    digest = _sha256(file)
    write_record(workspace.state / HASHED, {"state": state, "sha256": digest})
    return digest


def _sha256(file: Path) -> str:
    digest = sha256(file)
    if not digest:
        raise LauncherError(
            "wheel-unreadable",
            t("The file {file} cannot be read.", file=file),
            t("Look at find-links in pip's configuration."),
        )
    return digest
