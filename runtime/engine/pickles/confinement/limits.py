"""POSIX limits: memory, processor time, no file larger than nothing, no further file or process."""

from __future__ import annotations

import resource

from runtime.engine.pickles.confinement import MEMORY, SECONDS

#: after the first of the two the system says why it ends the process
_MORE_SECONDS = 5
#: handles: the two pipes, standard error, and what raising the other fences takes
_HANDLES = 16


def limit() -> None:
    """OSError or ValueError where one is refused; those before it hold."""
    wanted = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": 0, "RLIMIT_NOFILE": _HANDLES, "RLIMIT_NPROC": 0, "RLIMIT_AS": MEMORY}
    for name, most in wanted.items():
        number = getattr(resource, name, None)
        if number is not None:
            _soft, hard = resource.getrlimit(number)
            allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(number, (allowed, allowed))
    _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, _seconds(hard))


def _seconds(hard: int) -> tuple[int, int]:
    last = SECONDS + _MORE_SECONDS if hard == resource.RLIM_INFINITY else min(SECONDS + _MORE_SECONDS, hard)
    return min(SECONDS, last), last
