"""All checks at once, each in a thread of its own, each waited for two seconds at the most."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from launcher.core.doctor import (
    cards,
    computer,
    engine,
    hidden,
    models,
    network,
    places,
    ports,
    programs,
    system,
    windows,
)
from launcher.core.doctor.check import Checked, Verdict, unknown, wrong
from launcher.core.doctor.ground import Asked, Ground, UntoldError
from launcher.core.errors import LauncherError
from launcher.core.mends.mend import Here
from launcher.core.text import Text, t

#: for one check; all run at the same time
SECONDS = 2.0
#: of these, what is kept for the last words of a check that has stopped by itself
_RESERVE = 0.3
_POLL = 0.01


@dataclass(frozen=True)
class Check:
    """One thing to look at. `look` raises LauncherError for what is wrong by itself, OSError for what the system
    refuses, UntoldError for what does not come in time."""

    name: str
    title: Text
    look: Callable[[Ground], Verdict]


#: in the order in which they are shown
CHECKS: tuple[Check, ...] = (
    Check("disk", t("Disk space"), computer.disk),
    Check("memory", t("Memory and page file"), computer.memory),
    Check("system", t("Operating system"), system.system),
    Check("path", t("The folder's path"), places.path),
    Check("long-paths", t("Long paths (Windows)"), windows.long_paths),
    Check("permissions", t("Permissions"), places.permissions),
    Check("settings", t("Settings"), places.settings),
    Check("variables", t("Environment variables"), hidden.variables),
    Check("antivirus", t("Antivirus (Windows)"), windows.antivirus),
    Check("python", t("Gesso's own Python"), programs.python),
    Check("environment", t("The engine's environment"), programs.environment),
    Check("engine", t("The engine's files"), engine.engine),
    Check("packages", t("The engine's packages"), engine.packages),
    Check("leftovers", t("Leftovers of installs"), engine.leftovers),
    Check("git", t("git"), programs.git),
    Check("driver", t("Graphics driver"), cards.driver),
    Check("nvml", t("The driver's answer (NVML)"), cards.nvml),
    Check("torch", t("PyTorch for this card"), cards.torch),
    Check("gpu-scheduling", t("Hardware-accelerated GPU scheduling"), windows.gpu_scheduling),
    Check("runtime", t("What runs"), ports.runtime),
    Check("ports", t("Port"), ports.ports),
    Check("proxy", t("Proxy"), network.proxy),
    Check("mirrors", t("Download places"), network.mirrors),
    Check("clock", t("Clock"), network.clock),
    Check("models", t("Models"), models.models),
)


def examine(here: Here, checks: tuple[Check, ...] = CHECKS, seconds: float = SECONDS) -> Iterator[Checked]:
    """Each check as soon as it is done, whatever their order; what takes longer than `seconds` could not be told.

    A bug in one of them is raised when all the others have been told.
    """
    until = time.monotonic() + seconds
    ground = Ground(here, until - _RESERVE)
    asked = [(check, Asked(partial(check.look, ground))) for check in checks]
    bugs: list[Exception] = []
    while asked:
        late = time.monotonic() >= until
        over = [each for each in asked if late or each[1].told]
        asked = [each for each in asked if each not in over]
        for check, answer in over:
            found = _checked(check, answer, seconds)
            if isinstance(found, Checked):
                yield found
            else:
                bugs.append(found)
        if asked and not over:
            time.sleep(_POLL)
    if bugs:
        raise bugs[0]


def _checked(check: Check, answer: Asked[Verdict], seconds: float) -> Checked | Exception:
    try:
        verdict = _verdict(answer, seconds)
    except Exception as bug:  # noqa: BLE001 - raised by `examine`
        return bug
    return Checked(
        check.name, check.title, verdict.ok, verdict.detail, verdict.fix, verdict.mend, verdict.values, verdict.applies,
        verdict.others,
    )  # fmt: skip


def _verdict(answer: Asked[Verdict], seconds: float) -> Verdict:
    try:
        return answer.by(0)
    except UntoldError:
        return unknown(t("No answer within {seconds} seconds, so nothing can be said.", seconds=f"{seconds:.0f}"))
    except LauncherError as error:
        if error.code == "bad-settings":
            # Said once, by the check of the settings.
            return unknown(t("Not looked at, because the settings (config.toml) cannot be read."))
        return wrong(error.message, error.hint)
    except OSError as error:
        return unknown(t("The system does not tell: {why}.", why=error.strerror or error))
