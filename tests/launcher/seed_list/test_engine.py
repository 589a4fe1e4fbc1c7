"""The card's memory on its three steps down, an illegal access, a server that stops listening, a Windows too old."""

from __future__ import annotations

from dataclasses import replace

import pytest

from launcher.core.environments.environments import installed, read_stamp, stamp
from launcher.core.errors import LauncherError
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.plan.options import Options
from launcher.core.profiles.files import save_profile
from launcher.core.profiles.run_profiles import RunProfile
from launcher.core.proposal import propose
from launcher.core.running import read_running
from launcher.core.serving.launch import launch, stop
from tests.launcher.core_act.workshop import with_fake_engine
from tests.launcher.seed_list.staging import Patient, printed, script

CARD = Gpu(0, "GPU-1", "nvidia", "NVIDIA GeForce RTX 3060", 12288, 11900, "8.6", seen_by="nvml")
MACHINE = Machine("linux", "x86_64", "3.11.7", 32000, 120_000, "580.65.06", (CARD,))
#: the words of torch 1.13, 2.1 and 2.6 for the same
OUT_OF_MEMORY = (
    "RuntimeError: CUDA out of memory. Tried to allocate 1.50 GiB (GPU 0; 12.00 GiB total capacity; 0 bytes free)",
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has a capacity of 12 GiB",
    "torch.OutOfMemoryError: Allocation on device 0 would exceed allowed memory. (out of memory)",
)
FAILING = """
class {kind}(RuntimeError): pass
def sample(): raise {kind}({message!r})
print("  0%|          | 0/20 [00:00<?, ?it/s]\\r", end="", flush=True)
sample()
"""


def raised(message: str) -> list[str]:
    """A Python program that ends by an error of these words, with a bar in the same line."""
    kind, _, words = message.partition(": ")
    return script(FAILING.format(kind=kind.rpartition(".")[2], message=words))


def test_the_three_steps_of_low_memory(patient: Patient, tmp_path, monkeypatch):
    """Real: the program that ends by the error, the log, each mend on what that log told, each start in the plan that
    the mended profile gives. Stand-ins: the card, torch's words, the engine, which has too little memory until its
    model's parts take turns.
    """
    monkeypatch.setattr("launcher.core.proposal.look", lambda _: MACHINE)
    here = patient.here
    profiles = here.workspace.root / "profiles"

    def proposed():
        return propose(here.workspace, Options(profile="local"), installed(here.workspace), here.environ)

    plan = proposed().plan
    folder = with_fake_engine(here.workspace)
    made = read_stamp(folder)
    assert made is not None
    stamp(folder, replace(made, torch=plan.torch.build or "", tag=plan.torch.tag or ""))
    save_profile(profiles, "local", RunProfile(extends="local", flags=("--fake=tight",)))

    def start():
        now = proposed()
        done = replace(now.plan, steps=tuple(replace(step, state="done") for step in now.plan.steps))
        try:
            list(launch(here.workspace, replace(now.options, detach=True), done, environ=here.environ))
        finally:
            stop(here.workspace)

    with pytest.raises(LauncherError, match="out-of-memory"):
        start()
    modes, numbers = [plan.memory.mode], []
    for words in OUT_OF_MEMORY:
        code, log = printed(raised(words), here.environ, tmp_path)
        assert code
        found = patient.diagnosed(log)
        assert (found.slug, found.mend) == ("gpu-oom", "smaller-memory")
        numbers.append(patient.mend(found))
        modes.append(proposed().plan.memory.mode)
        if modes[-1] != "cpu":
            start()
            assert f"--{modes[-1]}" in read_running(here.workspace).flags
    assert modes == ["full", "medvram", "lowvram", "cpu"]
    for number in reversed(numbers):
        patient.undo(number)
    with pytest.raises(LauncherError, match="out-of-memory"):
        start()


@pytest.mark.parametrize("name", ["RuntimeError", "torch.AcceleratorError"])
def test_an_illegal_memory_access(patient: Patient, tmp_path, name):
    """Real: a Python program that ends by it, and its traceback. Stand-ins: CUDA's words, for no card is asked. There
    is no automatic mend: what to do is said in steps.
    """
    words = (
        f"{name}: CUDA error: an illegal memory access was encountered\n"
        "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be "
        "incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1."
    )
    code, log = printed(raised(words), patient.here.environ, tmp_path)
    assert code
    found = patient.diagnosed(log)
    assert (found.slug, found.mend) == ("gpu-illegal-access", None)
    assert len(found.steps) >= 2


ACCEPT = """
import asyncio, socket
async def main():
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    try:
        said = {{"__str__": lambda self: "[WinError {winerror}] {words}"}}
        raise type("OSError", (OSError,), said)({number}, {words!r})
    except OSError as error:
        asyncio.get_running_loop().call_exception_handler(
            {{"message": "Accept failed on a socket", "exception": error, "socket": server.sockets[0]}}
        )
    server.close()
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("number", "winerror", "words"),
    [
        (22, 64, "The specified network name is no longer available"),
        (22, 64, "指定的网络名不再可用。"),
        (14, 10014, "系统检测到在一个调用中尝试使用指针参数时的无效指针地址。"),
    ],
)
def test_accept_failed_on_a_socket(patient: Patient, tmp_path, number, winerror, words):
    """Real: asyncio's own handler of such errors, its words, a socket that listens. Stand-in: the error, which only
    Windows raises. There is no mend but to start anew, and that is what is said.
    """
    code_of = ACCEPT.format(number=number, winerror=winerror, words=words)
    environ = {**patient.here.environ, "PYTHONUTF8": "1"}
    _, log = printed(script("import sys; sys.stderr.reconfigure(encoding='utf-8')\n" + code_of), environ, tmp_path)
    assert b"Accept failed on a socket" in log
    found = patient.diagnosed(log)
    assert (found.slug, found.mend) == ("srv-accept-failed", None)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "utf-16"])
@pytest.mark.parametrize(
    "words",
    [
        "无法启动此程序，因为计算机中丢失 api-ms-win-core-path-l1-1-0.dll。尝试重新安装该程序以解决此问题。",
        "由于找不到 api-ms-win-core-path-l1-1-0.dll，无法继续执行代码。重新安装程序可能会解决此问题。",
        "The program can't start because api-ms-win-core-path-l1-1-0.dll is missing from your computer.",
    ],
)
def test_a_windows_that_is_too_old(patient: Patient, encoding, words):
    """Stand-in: the words of Windows 7 for a Python that it cannot run, in every encoding that a log of it comes in.
    Nothing but a newer Windows helps, and that is what is said.
    """
    found = patient.diagnosed(f"D:\\sd>python launch.py\r\npython.exe - 系统错误\r\n{words}\r\n".encode(encoding))
    assert (found.slug, found.mend) == ("sys-os-too-old", None)
