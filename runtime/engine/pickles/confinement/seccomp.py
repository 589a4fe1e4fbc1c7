"""Linux' seccomp: the kernel answers a few calls, those that calculating and two pipes need, and refuses all others."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
#: of struct seccomp_data: the call's number, the architecture, the low half of the third argument
_NUMBER, _ARCHITECTURE, _THIRD = 0, 4, 32
#: BPF: load a word, jump if equal, jump if any bit is set, return
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_EXECUTABLE = 4
#: machine -> (AUDIT_ARCH_…, numbers of mmap and mprotect, numbers of the other calls)
_MACHINES = {
    "x86_64": (
        0xC000003E, (9, 10), {
            "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "munmap": 11, "brk": 12, "rt_sigaction": 13,
            "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24, "mremap": 25, "madvise": 28, "getpid": 39,
            "exit": 60, "gettimeofday": 96, "sigaltstack": 131, "futex": 202, "restart_syscall": 219,
            "clock_gettime": 228, "exit_group": 231, "getrandom": 318,
        },
    ),
    "aarch64": (
        0xC00000B7, (222, 226), {
            "close": 57, "lseek": 62, "read": 63, "write": 64, "fstat": 80, "exit": 93, "exit_group": 94, "futex": 98,
            "clock_gettime": 113, "sched_yield": 124, "restart_syscall": 128, "sigaltstack": 132, "rt_sigaction": 134,
            "rt_sigprocmask": 135, "rt_sigreturn": 139, "gettimeofday": 169, "getpid": 172, "brk": 214, "munmap": 215,
            "mremap": 216, "madvise": 233, "getrandom": 278,
        },
    ),
}  # fmt: skip


def program(machine: str) -> list[tuple[int, int, int, int]]:
    """(operation, steps if true, steps if false, operand) each; OSError for a machine without a list."""
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no list of calls for {machine}")
    architecture, mapping, calls = _MACHINES[machine]
    allowed = sorted(calls.values())
    # what follows the comparisons: refuse, kill, look at the third argument, allow
    after = len(mapping) + len(allowed)
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 0, after + 2, architecture),
        (_LOAD, 0, 0, _NUMBER),
    ]
    for place, number in enumerate(mapping):
        steps.append((_EQUAL, after - place + 1, 0, number))
    for place, number in enumerate(allowed, len(mapping)):
        steps.append((_EQUAL, after - place + 3, 0, number))
    return [
        *steps,
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _THIRD),
        (_ANY_BIT, 1, 0, _EXECUTABLE),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]


class _Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def restrict() -> None:
    """From here on; OSError where the kernel or a container refuses."""
    steps = program(os.uname().machine)
    packed = b"".join(struct.pack("=HBBI", *step) for step in steps)
    system = ctypes.CDLL(None, use_errno=True)
    told = _Program(len(steps), packed)
    if system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or system.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(told), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
