"""The proof of a new environment: runtime.prove in its own Python, followed, and its answer in our sentences."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Line, Notice
from launcher.core.paths import checkout
from launcher.core.process import Exit, Output, run
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.text import Text, t

PROOF = ("-m", "runtime.prove")
_NUMBERS = t("PyTorch computes wrong on this computer: {detail}")
#: what the proof's codes mean; the rest is said in its own words
_MEANINGS: dict[str, Text] = {
    "proof-kernels": t("this PyTorch has no code for the graphics card: {detail}"),
    "proof-no-device": t("PyTorch sees no graphics card, so its driver does not answer: {detail}"),
    "proof-import": t("a package cannot be loaded: {detail}"),
    "proof-torch": t("PyTorch itself cannot be loaded: {detail}"),
    "proof-picture": t("the picture that was drawn shows nothing: {detail}"),
    **{f"proof-{name}{end}": _NUMBERS for name in ("matmul", "attention", "convolution") for end in ("", "-nan")},
}
#: for which the build of torch is to blame, so that another one may do better
_OF_TORCH = {"proof-kernels", "proof-torch", "proof-picture", "nan-unet", "nan-vae"}
#: by which a system ends a program whose machine code does what it may not, and Windows' names for the same
_CRASHES = {
    **{-getattr(signal, name): name for name in ("SIGILL", "SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE")
       if hasattr(signal, name)},
    0xC0000005: "access violation",
    0xC000001D: "illegal instruction",
}  # fmt: skip


class TorchUnprovenError(LauncherError):
    """`environment-broken`, and another build of torch may do better."""


@dataclass(frozen=True)
class Proof:
    """What an environment showed of itself."""

    #: the version that it has: "2.13.0+cpu"
    torch: str
    #: as torch names it: "cuda:0"
    device: str | None = None
    seconds: float | None = None
    #: flags that this computer's cards need, and why
    advice: tuple[tuple[str, str], ...] = ()


def prove(
    command: Sequence[str], torch: TorchChoice, variables: Mapping[str, str], cancel: threading.Event | None
) -> Generator[Event, None, Proof]:
    """Runs `command`; the Proof is the generator's value.

    Raises TorchUnprovenError (another torch may do better); LauncherError `environment-broken` or `card-busy` (none
    would).
    """
    answer: dict[str, Any] = {}
    last: list[str] = []
    words = [*command, *(["--tag", torch.tag] if torch.tag else [])]
    for event in run(words, environment=variables, cwd=checkout(), cancel=cancel):
        if isinstance(event, Output) and event.channel == "out":
            answer = _object(event.text) or answer
        elif isinstance(event, Output):
            last = [*last[-4:], event.text]
            yield Line("proof", event.text)
        elif isinstance(event, Exit) and (event.code or not answer.get("ok")):
            raise _failed(answer, " / ".join(last), event.code, torch)
    proof = _read(answer, torch)
    if proof.torch != torch.build:
        raise _unproven(t("torch {found} instead of {wanted}", found=proof.torch, wanted=torch.build))
    for flag, why in proof.advice:
        yield Notice("proof-advice", "warning", t("Half precision fails here, {flag} goes round it: {why}", flag=flag,
                                                  why=why))  # fmt: skip
    if proof.seconds is not None:
        text = t("Proven on {device} in {seconds} s.", device=proof.device, seconds=round(proof.seconds))
        yield Notice("proven", "info", text)
    return proof


def _read(answer: Mapping[str, Any], torch: TorchChoice) -> Proof:
    checks = answer.get("checks")
    there = [check for check in checks if isinstance(check, dict)] if isinstance(checks, list) else []
    advice = [(str(check["advice"]), str(check.get("error"))) for check in there if check.get("advice")]
    device, seconds = answer.get("device"), answer.get("seconds")
    return Proof(
        str(answer.get("torch") or torch.build),
        device if isinstance(device, str) else None,
        float(seconds) if isinstance(seconds, (int, float)) else None,
        tuple(dict(advice).items()),
    )


def _failed(answer: Mapping[str, Any], lines: str, ended: int, torch: TorchChoice) -> LauncherError:
    code = str(answer.get("code") or "")
    crash = _CRASHES.get(ended if ended < 0 else ended & 0xFFFFFFFF)
    detail = str(answer.get("error") or lines or f"exit code {ended}")
    if crash and not answer.get("error"):
        why = t("PyTorch or a driver crashed ({signal}): {detail}", signal=crash, detail=detail)
        return _unproven(why, TorchUnprovenError)
    if code == "proof-no-device" and torch.driver:
        # the driver served the card when the plan was made, so no other torch would do better
        return LauncherError(
            "environment-broken",
            t("The new environment does not work: {why}", why=Text(_MEANINGS[code].template, (("detail", detail),))),
            t("Restart the computer, then start again: what was downloaded is kept."),
        )
    if code == "proof-memory":
        return LauncherError(
            "card-busy",
            t("There was not enough free memory on the graphics card for the proof: {detail}", detail=detail),
            t("Close what uses the card (`gesso hardware` shows it), then start again: what was downloaded is kept."),
        )
    meaning = _MEANINGS.get(code)
    blamed = code in _OF_TORCH or code == "proof-no-device" or meaning is _NUMBERS
    why = Text(meaning.template, (("detail", detail),)) if meaning else t("{detail}", detail=detail)
    return _unproven(why, TorchUnprovenError if blamed else LauncherError)


def _unproven(why: Text, kind: type[LauncherError] = LauncherError) -> LauncherError:
    return kind(
        "environment-broken",
        t("The new environment does not work: {why}", why=why),
        t("It is not used; what was current still is. `gesso install` tries again; if it stays so, show these lines."),
    )


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
