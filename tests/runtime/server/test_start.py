"""The start: a quick first answer, the page a little later, ports, warnings, sharing."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from runtime import protocol
from runtime.announce import say_in_red
from tests.fakes.serving import CHECKOUT, FAKE, command, environment, free_port, serve, until

HEAVY = ("torch", "gradio", "PIL", "numpy", "diffusers", "transformers", "pandas")


def run(*flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(FAKE, *flags), cwd=CHECKOUT, env=environment(**environ), capture_output=True, text=True, timeout=120
    )


def test_the_start_is_told_until_the_page_appears(data: Path) -> None:
    with serve(data, "--events") as served:
        starting = served.get("/", headers={"Accept-Language": "zh-CN,zh;q=0.9"})
        assert "正在启动" in starting.text
        assert "Gesso is starting" in served.get("/").text
        assert served.get("/config").status_code == 503
        assert served.get("/sdapi/v1/progress").json()["progress"] == 0.0
        until(lambda: protocol.Serving(served.url, True) in served.events(), 240)
        page = served.get("/config")
        assert any(one["props"].get("elem_id") == "txt2img_prompt" for one in page.json()["components"])
        assert served.client.head(served.url + "/").status_code == 200
        assert served.get("/sdapi/v1/txt2img").status_code == 405, "the API stays in front of the page"
        assert served.get("/sdapi/v1/nothing").json() == {"detail": "Not Found"}
    assert f"Running on local URL:  {served.url}" in served.log()
    kinds = [event.event for event in served.events()]
    # the worker's own phases come when they come
    assert (kinds[0], kinds.count("serving") >= 1) == ("phase", True)
    assert len(kinds) == len(served.output.read_text().splitlines()), "nothing but events on standard output"


def test_the_start_imports_nothing_heavy() -> None:
    """What keeps the first answer quick; `benchmarks/first_answer.py` measures it."""
    code = (
        "import sys, runtime.__main__, runtime.server, runtime.studio, uvicorn;"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    found = subprocess.run([command(())[0], "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_taken_port_is_told_with_its_owner_and_the_next_free_one(data: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        ended = run("--data-dir", str(data), "--port", str(port), "--events")
    assert ended.returncode == 1
    event = protocol.from_line(ended.stdout.splitlines()[-1])
    assert isinstance(event, protocol.Fatal)
    assert event.code == "port-taken"
    assert "process" in event.message
    assert f"--port {port + 1}" in event.message or "is free" in event.message
    assert event.message in ended.stderr


@pytest.mark.parametrize("line", ["", "Loading ...", "[1]", '{"event": "of a later version"}', "[" * 100_000])
def test_a_line_that_tells_nothing_is_none(line: str) -> None:
    assert protocol.from_line(line) is None


def test_without_a_port_the_first_free_one_is_taken(data: Path) -> None:
    from runtime.port import listen

    first = free_port()
    with listen("127.0.0.1", None, first) as one, listen("127.0.0.1", None, first) as two:
        assert one.getsockname()[1] == first
        assert two.getsockname()[1] > first


def test_small_answers_are_sent_at_once() -> None:
    """Nagle's algorithm and a delayed acknowledgement would hold each back for 40 ms."""
    from runtime.port import listen

    async def answers() -> list[int]:
        found: list[int] = []

        def met(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = listen("127.0.0.1", None, free_port())
        async with await asyncio.start_server(met, sock=listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            await reader.read()
            writer.close()
        return found

    (no_delay,) = asyncio.run(answers())
    assert no_delay


@pytest.mark.parametrize(
    ("flags", "open_to_all"),
    [
        ("--allow-host art.example --i-accept-unprotected-remote", True),
        ("--allow-host art.example --i-accept-unprotected-remote --gradio-auth me:secret", False),
        ("--i-accept-unprotected-remote", False),
    ],
)
def test_that_anybody_may_come_in_is_said_at_the_start(data: Path, flags: str, open_to_all: bool) -> None:
    with serve(data, "--nowebui", "--skip-load-model-at-start", *flags.split()) as served:
        assert ("whoever finds it comes in" in served.log()) == open_to_all


def test_that_warning_is_red_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for shows in (True, False):
        monkeypatch.setattr(sys.stderr, "isatty", lambda shows=shows: shows, raising=False)
        monkeypatch.setenv("WT_SESSION", "1")
        say_in_red("Warning: \x1b[2Jopen.")
        assert capsys.readouterr().err == ("\x1b[1;31mWarning: open.\x1b[0m\n" if shows else "Warning: open.\n")


def test_an_impossible_flag_is_a_usage_error(data: Path) -> None:
    ended = run("--data-dir", str(data), "--port", "none", "--events")
    assert ended.returncode == 2
    assert isinstance(protocol.from_line(ended.stdout), protocol.Fatal)


def test_unknown_flags_are_warnings_and_a_missing_checkpoint_is_an_error_line(data: Path) -> None:
    flags = ("--nowebui", "--gibberish", "1", "--ckpt", str(data / "gone.safetensors"), "--ngrok-region", "eu")
    with serve(data, *flags, COMMANDLINE_ARGS="--medvram --other-gibberish") as served:
        assert served.draw(prompt="x", steps=1).status_code == 200
        flags_shown = served.get("/sdapi/v1/cmd-flags").json()
        assert flags_shown["medvram"] is True
    assert "--gibberish 1" in served.log()
    assert "--other-gibberish" in served.log()
    assert "gone.safetensors" in served.log()
    assert served.output.read_text() == "", "without --events nothing goes to standard output"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no other system shows a process's variables")
def test_no_process_that_is_started_here_gets_the_passwords(data: Path) -> None:
    with serve(data, "--nowebui", COMMANDLINE_ARGS="--api-auth me:verysecret", KEPT="a variable") as served:
        assert served.get("/sdapi/v1/options").status_code == 401
        assert served.draw(prompt="x", steps=1).status_code == 401
        started = [child.environ() for child in psutil.Process(served.process.pid).children(recursive=True)]
        assert [each.get("KEPT") for each in started] == ["a variable"] * len(started) != []
        assert not [each for each in started if "verysecret" in str(each)]


def test_the_log_is_silent_on_what_is_no_request(data: Path) -> None:
    """It could be filled by whoever reaches the port."""
    upgrade = b"GET /internal/ping HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    with serve(data, "--nowebui") as served:
        before = served.log()
        for sent in (b"\x00\r\n\r\n", upgrade):
            with socket.create_connection(("127.0.0.1", httpx.URL(served.url).port or 0), 60) as stranger:
                stranger.sendall(sent)
                assert stranger.recv(1000).startswith(b"HTTP/1.1 ")
        assert served.log() == before


def test_without_the_api_its_paths_are_unknown(data: Path) -> None:
    with serve(data, "--no-api") as served:
        assert served.get("/sdapi/v1/cmd-flags").status_code == 404
        assert served.get("/docs").status_code == 404
        assert served.get("/internal/ping").json() == {}


def test_sharing_without_a_network_is_said_and_the_server_goes_on(data: Path) -> None:
    """No tunnel from here: the way out leads through a proxy that is not there."""
    nobody = f"127.0.0.1:{free_port()}"
    with serve(data, "--share", "--events", HTTPS_PROXY=f"http://{nobody}") as served:
        until(lambda: "public" in served.log(), 240)
        assert "No public address" in served.log()
        assert served.get("/internal/ping").status_code == 200
        assert served.get("/sdapi/v1/progress").status_code == 401


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal")
def test_a_server_that_is_ended_during_a_job_tells_who_waits_and_logs_no_fault(data: Path) -> None:
    with serve(data, "--nowebui") as served:
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(served.draw, prompt="snail", steps=500)
            until(lambda: served.progress()["state"]["sampling_step"])
            served.process.send_signal(signal.SIGTERM)
            answer = running.result(120)
        served.process.wait(120)
        assert (answer.status_code, answer.json()["error"]) == (503, "stopping")
        assert "Traceback" not in served.log()
        assert "CancelledError" not in served.log()
