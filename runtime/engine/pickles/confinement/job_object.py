"""Windows: a job of its own, with limits on memory and time, that may have no second process.

Written from the documentation of job objects, never run on Windows. It limits and does not forbid: files that the
user may open stay open to it.
"""

from __future__ import annotations

import ctypes
from typing import Any

from runtime.engine.pickles.confinement import MEMORY, SECONDS

_EXTENDED_LIMITS = 9
#: JOB_OBJECT_LIMIT_PROCESS_TIME, ACTIVE_PROCESS, PROCESS_MEMORY, DIE_ON_UNHANDLED_EXCEPTION
FLAGS = 0x2 | 0x8 | 0x100 | 0x400
_TICKS = 10_000_000  # of 100 ns in a second


class Limits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION: its basic part, six counters, four sizes."""

    _fields_ = (
        ("process_time", ctypes.c_int64),
        ("job_time", ctypes.c_int64),
        ("flags", ctypes.c_uint32),
        ("smallest_set", ctypes.c_size_t),
        ("largest_set", ctypes.c_size_t),
        ("processes", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("priority", ctypes.c_uint32),
        ("scheduling", ctypes.c_uint32),
        ("counters", ctypes.c_uint64 * 6),
        ("process_memory", ctypes.c_size_t),
        ("job_memory", ctypes.c_size_t),
        ("peak_process_memory", ctypes.c_size_t),
        ("peak_job_memory", ctypes.c_size_t),
    )


def restrict(kernel: Any = None) -> None:
    """OSError where a step is refused."""
    kernel = kernel or ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel.CreateJobObjectW.restype = kernel.GetCurrentProcess.restype = ctypes.c_void_p
    limits = Limits(process_time=SECONDS * _TICKS, flags=FLAGS, processes=1, process_memory=MEMORY)
    job = ctypes.c_void_p(_checked("CreateJobObject", kernel.CreateJobObjectW(None, None)))
    told = kernel.SetInformationJobObject(job, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits))
    _checked("SetInformationJobObject", told)
    own = ctypes.c_void_p(kernel.GetCurrentProcess())
    _checked("AssignProcessToJobObject", kernel.AssignProcessToJobObject(job, own))


def _checked(step: str, answer: Any) -> Any:
    if not answer:
        raise OSError(f"{step} failed")
    return answer
