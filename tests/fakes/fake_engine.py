"""Behaves like `python -m runtime --events` from outside, in a tenth of a second; `--fake=…` asks for mishaps.

die: ends before it serves · old-driver: likewise, as torch says of a driver · killed: likewise, by SIGKILL ·
crash: ends after it serves · stubborn: ignores being asked to end · child: starts a child of its own ·
chatter: a progress bar on standard error between the event lines · slow: half a second until it serves ·
fatal: says why it ends · mute: never says a word about the model · card: tells of its card's memory · short: has too
little of it for the model · tight: has enough of it if the model's parts take turns
"""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *words: object) -> None:
        pass


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


def value(words: list[str], name: str) -> str | None:
    return words[words.index(name) + 1] if name in words else None


def load(checkpoint: str | None, mishaps: list[str]) -> None:
    if "short" in mishaps or ("tight" in mishaps and not {"--medvram", "--lowvram"} & set(sys.argv)):
        say(event="shortage", message="CUDA out of memory.")
        say(event="model_failed", title=checkpoint or "fake", code="out-of-memory", message="CUDA out of memory.")
    elif checkpoint and "broken" in checkpoint:
        say(event="model_failed", title=checkpoint, code="model-truncated", message="The file ends too early.")
    elif "mute" not in mishaps:
        if "little-ram" in mishaps:
            say(event="on_disk", title="fake", needed_mib=6600, free_mib=3999)
        say(event="model", title=checkpoint or "fake", seconds=0.1)
    if "card" in mishaps:
        say(event="memory", peak_mib=2100)
        say(event="memory", peak_mib=3900)


def ended(mishaps: list[str]) -> int | None:
    """The exit code of one that does not get as far as serving; None: it does."""
    if "fatal" in mishaps:
        say(event="fatal", code="cannot-start", message="No such address.")
        return 1
    if "die" in mishaps:
        print("ImportError: no torch here", file=sys.stderr, flush=True)
        return 7
    if "old-driver" in mishaps:
        told = "The NVIDIA driver on your system is too old (found version 11040)."
        print(f"RuntimeError: {told} Please update your GPU driver", file=sys.stderr, flush=True)
        return 1
    if "killed" in mishaps:
        os.kill(os.getpid(), signal.SIGKILL)
    return None


def main(words: list[str]) -> int:
    mishaps = [word.removeprefix("--fake=") for word in words if word.startswith("--fake=")]
    print("fake engine:", *words, file=sys.stderr, flush=True)
    if "stubborn" in mishaps:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "child" in mishaps:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print("child", child.pid, file=sys.stderr, flush=True)
    if (code := ended(mishaps)) is not None:
        return code
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(value(words, "--port") or 0)), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    say(event="phase", name="server")
    if "chatter" in mishaps:
        sys.stderr.write("".join(f"\r{step} %" for step in range(100)))
        sys.stderr.flush()
    if "--listen" in words:
        say(event="credentials", user="sd", password="correct horse battery")
    time.sleep(0.5 if "slow" in mishaps else 0)
    say(event="serving", url=url, page=False)
    load(value(words, "--ckpt"), mishaps)
    say(event="serving", url=url, page=True)
    if "busy" in mishaps:
        said = {"kind": "txt2img", "width": 512, "height": 768, "part": 1, "parts": 2, "waiting": 3}
        say(event="visitors", addresses=["192.168.1.7", "link"])
        say(event="job", state="started", progress=0.0, **said)
        say(event="job", state="progress", progress=0.25, **said)
        say(event="job", state="progress", progress=0.75, **{**said, "part": 2})
        say(event="job", state="done", progress=1.0)
    if "crash" in mishaps:
        time.sleep(0.3)
        return 9
    while True:
        time.sleep(60)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
