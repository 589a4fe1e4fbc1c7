"""Secrets planted in flags and variables: nothing that the server says, writes or starts holds one of them."""

from __future__ import annotations

import base64
import html
import io
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest
from PIL import Image

from runtime import protocol
from tests.fakes.serving import REAL, Served, put_checkpoint, serve, until
from tests.release.page_calls import Page
from tests.runtime.gate.test_every_route import routes as all_routes  # noqa: F401 - a fixture

#: each with signs that are written otherwise in addresses, in base64 and in HTML
PAGE, API, PROXY = "canary+page/7Q=&x", "canary+api/8W=&y", "canary+proxy/9Z=&z"
HF = "hf_canaryTokenOfAHub0123456789"
SMALL = {"steps": 1, "width": 64, "height": 64}
#: they answer without end
ENDLESS = ("/gradio_api/heartbeat", "/gradio_api/queue/data", "/gradio_api/upload_progress")
BODIES = (
    None,
    b"{}",
    b"[1]",
    b'{"prompt": 7, "steps": 1, "override_settings": {"none": 1}, "image": "x", "data": ["x"]}',
    b"{",
)


def forms(secret: str) -> set[bytes]:
    """What it may look like inside a text: as it is, in an address, in JSON, in HTML, in base64 wherever it begins."""
    escaped = quote(secret, safe="")
    plain = {secret, escaped, escaped.lower(), quote(secret), html.escape(secret), json.dumps(secret)[1:-1]}
    return {each.encode() for each in plain} | {
        each.translate(bytes.maketrans(b"+/", to))
        for before in range(3)
        for each in (_middle(secret.encode(), before),)
        for to in (b"+/", b"-_")
    }


def _middle(secret: bytes, before: int) -> bytes:
    """Of its base64 what does not depend on the neighbours, `before` bytes of which share its first group of three."""
    coded = base64.b64encode(b"\0" * before + secret).rstrip(b"=")
    whole = (before + len(secret)) % 3 == 0
    return coded[(0, 2, 3)[before] : None if whole else -1]


def found_in(said: Mapping[str, bytes], secrets: Iterable[str]) -> list[str]:
    """Where which secret stands, in whatever form."""
    return [
        f"{secret} in {where}"
        for secret in secrets
        for where, text in said.items()
        if any(form in text for form in forms(secret))
    ]


@pytest.mark.parametrize("secret", [PAGE, API, PROXY, HF])
def test_a_secret_is_found_in_whatever_form(secret: str) -> None:
    coded = [
        base64.b64encode(f"{'x' * before}{secret}{'y' * after}".encode()) for before in range(4) for after in range(4)
    ]
    safe = base64.urlsafe_b64encode(f"me:{secret}".encode())
    others = [
        f"http://me:{quote(secret, safe='')}@host/".encode(),
        json.dumps({"a": secret}).encode(),
        html.escape(secret).encode(),
    ]
    for text in (*coded, safe, *others):
        assert found_in({"there": b"before " + text + b" after"}, [secret]) == [f"{secret} in there"], text
        assert found_in({"there": text[:-8]}, [f"{secret}, another"]) == []


@dataclass
class Heard:
    """Everything that was said, by where."""

    said: dict[str, bytes] = field(default_factory=dict)

    def answer(self, answer: httpx.Response) -> None:
        """Head and body; of pictures in base64 the files' texts too."""
        where = f"{len(self.said)} {answer.request.method} {answer.request.url.path} {answer.status_code}"
        self.said[where] = repr(answer.headers.raw).encode() + answer.read()

    def picture(self, where: str, data: bytes) -> None:
        """Its texts unpacked."""
        with Image.open(io.BytesIO(data)) as picture:
            self.said[where] = json.dumps(picture.info, default=repr).encode() + data

    def files(self, folder: Path) -> None:
        """All that was written there: settings, logs, pictures, caches."""
        for file in folder.rglob("*"):
            if file.is_file():
                self.said[str(file.relative_to(folder))] = file.read_bytes()
                if file.suffix == ".png":
                    self.picture(f"texts of {file.name}", file.read_bytes())

    def children(self, served: Served) -> list[psutil.Process]:
        """The command lines of all and the variables of whatever the server started, as the system shows them."""
        server = psutil.Process(served.process.pid)
        started = server.children(recursive=True)
        for each in (server, *started):
            self.said[f"command line of {each.name()} {each.pid}"] = "\0".join(each.cmdline()).encode()
        for each in started:
            self.said[f"variables of {each.cmdline()}"] = "\0".join(
                f"{k}={v}" for k, v in each.environ().items()
            ).encode()
        return started


@contextmanager
def account(served: Served, heard: Heard, *given: str) -> Iterator[httpx.Client]:
    hooks = {"response": [heard.answer]}
    with httpx.Client(
        base_url=served.url, auth=given or None, timeout=120, trust_env=False, event_hooks=hooks
    ) as client:
        yield client


def ask_everything(client: httpx.Client, routes: Iterable[tuple[str, str]]) -> None:
    """Every route with bodies that fit it, and with such as do not."""
    for method, path in routes:
        if path.startswith(ENDLESS) or path == "/logout":
            continue
        for body in BODIES if method == "POST" else BODIES[:1]:
            client.request(method, path, content=body, headers={"Content-Type": "application/json"} if body else {})


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no other system shows a process's variables")
def test_secrets_of_flags_and_variables_are_told_to_nobody(
    tmp_path: Path,
    checkpoint_file: Path,
    all_routes: list[tuple[str, str]],  # noqa: F811
) -> None:
    data, heard = tmp_path / "data", Heard()
    proxy = f"http://me:{quote(PROXY, safe='')}@127.0.0.1:9"
    flags = ("--gradio-auth", f"me:{PAGE}", "--api-auth", f"you:{API}", "--api-log", "--use-cpu", "all", "--ckpt")
    variables = {
        name: proxy for kind in ("http", "https", "all") for name in (f"{kind}_proxy", f"{kind}_PROXY".upper())
    }
    variables |= {
        "HF_TOKEN": HF,
        "HUGGING_FACE_HUB_TOKEN": HF,
        "COMMANDLINE_ARGS": shlex.join((*flags, str(checkpoint_file))),
    }
    with serve(data, "--events", program=REAL, **variables) as served:
        until(lambda: protocol.Serving(served.url, True) in served.events(), 240)
        page = Page(served.url.replace("//", f"//me:{quote(PAGE, safe='')}@"))
        page.client.event_hooks = {"response": [heard.answer]}
        page.count_words("a cat")
        assert "a cat" in str(page.generate("a cat"))
        page.close()
        with account(served, heard, "you", API) as you:
            drawn = you.post("/sdapi/v1/txt2img", json={**SMALL, "prompt": "x", "save_images": True}).json()
            picture = base64.b64decode(drawn["images"][0])
            heard.picture("texts of a picture", picture)
            assert "Steps: 1" in you.post("/sdapi/v1/png-info", json={"image": drawn["images"][0]}).json()["info"]
            ask_everything(you, all_routes)
        for given in (("me", PAGE), ("me", API), ()):
            with account(served, heard, *given) as asker:
                ask_everything(asker, all_routes)
                asker.post("/login", data={"username": "me", "password": "wrong"})
        assert heard.children(served), "the worker"
    heard.files(data)
    assert {"200", "401", "404", "422"} <= {where.rpartition(" ")[2] for where in heard.said}
    texts = b"\n".join(heard.said.values())
    assert all(sign in texts for sign in (b"cmd-flags", b"Steps: 1", b"PYTHONPATH", b"you"))
    assert found_in(heard.said, (PAGE, API, PROXY, HF)) == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no other system shows a process's variables")
def test_what_is_made_here_is_told_once(tmp_path: Path, all_routes: list[tuple[str, str]]) -> None:  # noqa: F811
    put_checkpoint(tmp_path, "model.safetensors")
    heard = Heard()
    with serve(tmp_path, "--listen", "--nowebui", "--api-log", "--events") as served:
        said = next(event for event in served.events() if isinstance(event, protocol.Credentials))
        api = [(method, path) for method, path in all_routes if path.startswith(("/sdapi", "/internal", "/docs"))]
        with account(served, heard, said.user, said.password) as asker:
            assert asker.post("/sdapi/v1/txt2img", json={"prompt": "x", **SMALL}).status_code == 200
            ask_everything(asker, api)
        with account(served, heard) as asker:
            asker.headers["Authorization"] = f"Bearer {said.token}"
            assert asker.get("/sdapi/v1/cmd-flags").status_code == 200
            ask_everything(asker, api)
        assert heard.children(served)
    heard.files(tmp_path)
    lines = heard.said.pop("stdout.txt").splitlines()
    assert sum(said.password.encode() in line and said.token.encode() in line for line in lines) == 1
    heard.said["stdout.txt"] = b"\n".join(line for line in lines if b'"credentials"' not in line)
    assert found_in(heard.said, (said.password, said.token)) == []
