"""A ground whose computer, plan and network are told instead of looked at."""

from __future__ import annotations

import time
from typing import Any

from launcher.core.doctor.ground import Ground, UntoldError


class Described(Ground):
    """What is not told does not come in time."""

    def __init__(self, here, machine, proposal=None, reach=None, seconds: float = 5.0) -> None:
        self.here, self.until = here, time.monotonic() + seconds
        self._told = {"machine": machine, "proposal": proposal, "reach": reach}

    def _of(self, name: str) -> Any:
        if self._told[name] is None:
            raise UntoldError
        return self._told[name]

    machine = property(lambda self: self._of("machine"))
    proposal = property(lambda self: self._of("proposal"))
    reach = property(lambda self: self._of("reach"))
