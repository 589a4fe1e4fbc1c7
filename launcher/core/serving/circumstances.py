"""What rules may ask of this computer when they judge a log that was written on it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from launcher.core.diagnosis.circumstances import Circumstances
from launcher.core.environments.environments import current, read_stamp
from launcher.core.errors import LauncherError
from launcher.core.hardware.look import look
from launcher.core.network.proxies import find_proxies
from launcher.core.paths import Workspace
from launcher.core.settings import read_settings

#: seconds in which the hardware has to answer; what is not known by then speaks against no rule
_PATIENCE = 2.0


def circumstances_of(workspace: Workspace, environ: Mapping[str, str] = os.environ) -> Circumstances:
    """This computer, its proxies and the torch of the current environment. Never raises; takes seconds."""
    environment = current(workspace)
    stamp = read_stamp(environment) if environment else None
    machine = look(workspace.root, patience=_PATIENCE)
    return Circumstances(machine, _proxy_set(workspace, environ), stamp.torch if stamp else None)


def _proxy_set(workspace: Workspace, environ: Mapping[str, str]) -> bool | None:
    try:
        return bool(find_proxies(environ, settings=read_settings(workspace).proxy).addresses)
    except LauncherError:
        return None
