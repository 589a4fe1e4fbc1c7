"""Ways in which a mirror does not give what was asked for, for each of those who ask, and how each ends.

`file` knows size and SHA-256 (a model), `wheel` the SHA-256 alone (a package), `measure` compares mirrors, `index` reads
what a mirror offers of a package. `end` is None where the right file comes all the same, else a code or a verdict.
"""

# ruff: noqa: E501, PERF203, PT017 - tables, and looks at what was raised

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from launcher.core.download.door import Address, Patience, Wanted, download
from launcher.core.errors import LauncherError
from launcher.core.events import Downloaded
from launcher.core.network.mirror_probe import measure
from launcher.core.network.mirror_samples import Sample, sample_of_url
from launcher.core.network.mirrors import Measuring, Mirror
from tests.fakes.fault_server import FaultServer

#: no server here is silent: what is slow is this computer
PATIENCE = Patience(
    connect=60,
    silence=60,
    slow_rate=1,
    slow_time=120,
    longest_pause=2,
    pause=0.02,
    longest_unknown=4_000_000,
    strikes=8,
)
MEASURING = Measuring(mib=1, seconds=120.0, hours=24, bench_minutes=30)
MODEL = "https://huggingface.co/owner/model.safetensors"
WHEEL = "sample-1.0-py3-none-any.whl"


@dataclass(frozen=True)
class Case:
    client: str
    mode: str
    end: str | None

    def __str__(self) -> str:
        return f"{self.client} {self.mode}"


#: mode -> how it ends for a file, where it is another end for a wheel, and for a measurement; "ok": the file is right
_ENDS: dict[str, tuple[str | None, ...]] = {
    "ok": (None, None, "ok"),
    "gzip-bomb": ("download-wrong-size", "download-wrong-size", "wrong-size"),
    "gzip-broken": ("download-broken", "download-broken", "broken"),
    "encoding-unknown": (None, None, "ok"),
    "redirect-script": ("download-redirects", "download-redirects", "redirects"),
    "redirect-data": ("download-redirects", "download-redirects", "redirects"),
    "redirect-broken": ("download-cut", "download-cut", "cut"),
    "redirect-port": ("download-bad-address", "download-bad-address", "bad-address"),
    "redirect-nowhere": ("download-redirects", "download-redirects", "redirects"),
    "redirect-far": ("download-redirects", "download-redirects", "redirects"),
    "redirect-loop": ("download-redirects", "download-redirects", "redirects"),
    "redirect-file": ("download-redirects", "download-redirects", "redirects"),
    "redirect-host": (None, None, "ok"),
    "captive": ("download-login-page", "download-login-page", "login-page"),
    "length-superscript": (None, None, "ok"),
    "length-negative": (None, None, "ok"),
    "length-endless": (None, None, "ok"),
    "range-endless": ("download-wrong-range", "download-wrong-range", "wrong-range"),
    "part-unasked": ("download-wrong-range", "download-wrong-range", "wrong-range"),
    "size-lied": (None, None, "ok"),
    "no-content": ("download-refused", "download-refused", "refused"),
    "patience-for-ever": ("download-busy", "download-busy", "busy"),
    "patience-until-9999": ("download-busy", "download-busy", "busy"),
    "headers-many": ("download-cut", "download-cut", "cut"),
    "header-long": ("download-cut", "download-cut", "cut"),
    "status-odd": ("download-broken", "download-broken", "broken"),
    "continues": ("download-cut", "download-cut", "cut"),
    "name-elsewhere": (None, None, "ok"),
    "html": ("download-login-page", "download-login-page", "login-page"),
    "404": ("download-not-found", "download-not-found", "not-found"),
    "500": ("download-broken", "download-broken", "broken"),
    "garbage": ("download-cut", "download-cut", "cut"),
    "503-twice": (None, None),
    "wrong-bytes": ("download-wrong-bytes", "download-wrong-bytes"),
    "zeros": ("download-wrong-bytes", "download-wrong-bytes"),
    "other-file": ("download-wrong-size", "download-wrong-bytes"),
    "truncated": ("download-wrong-size", "download-wrong-bytes"),
    "longer": ("download-wrong-size", "download-wrong-bytes"),
    "empty": ("download-wrong-size", "download-wrong-bytes"),
    "no-length-cut": ("download-cut", "download-wrong-bytes"),
    "ignores-range": (None, None),
    "lying-range": (None, None),
    "reset": (None, None),
}
_DIGEST = "0" * 64
#: what stands on a mirror's page of a package, and the verdict; {url} is where the right file lies
PAGES: dict[str, tuple[str, str]] = {
    "right": (f'<a href="{{url}}">{WHEEL}</a>', "ok"),
    "of older versions": ('<a href="sample-0.9-py3-none-any.whl">sample-0.9-py3-none-any.whl</a>', "lacks-file"),
    "of another project": (f'<a href="{WHEEL.replace("sample", "simple")}">x</a>', "lacks-file"),
    "with another hash": (f'<a href="{{url}}#sha256={_DIGEST}">{WHEEL}</a>', "lacks-file"),
    "into this computer": (f'<a href="file:///etc/{WHEEL}">{WHEEL}</a>', "redirects"),
    "into a script": (f'<a href="javascript:{WHEEL}">{WHEEL}</a>', "redirects"),
    "to no address": (f'<a href="http://[::1/{WHEEL}">{WHEEL}</a>', "lacks-file"),
    "to a name with slashes": (f'<a href="..%2f..%2f{WHEEL}">{WHEEL}</a>', "not-found"),
    "for another system": ('<a href="sample-1.0-cp311-cp311-sunos_5_sparc.whl">x</a>', "lacks-file"),
    "of a login": ("<!DOCTYPE html><form>Please log in</form>", "login-page"),
    "empty": ("", "lacks-file"),
    "of numbers": ('{"files": [1, 2, 3]}', "lacks-file"),
    "of a size that is none": (f'{{{{"files": [{{{{"filename": "{WHEEL}", "url": "{{url}}", "size": "x"}}}}]}}}}', "ok"),
    "nested without end": ('{"files": ' + "[" * 50_000, "lacks-file"),
    "broken off": (f'<a href="{{url}}">{WHEEL}</a><!', "ok"),
}  # fmt: skip
CASES = (
    *(
        Case(client, mode, end)
        for mode, ends in _ENDS.items()
        for client, end in zip(("file", "wheel", "measure"), ends, strict=False)
    ),
    *(Case("index", name, end) for name, (_, end) in PAGES.items()),
)


class Mirrors:
    """A server for all cases, and what lies in this folder."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self.data = random.Random(4).randbytes(size)
        self.digest = hashlib.sha256(self.data).hexdigest()
        site = folder / "site"
        for path in (site / "owner" / "model.safetensors", site / "files" / WHEEL):
            path.parent.mkdir(parents=True)
            path.write_bytes(self.data)
        self.server = FaultServer(site)
        for number, (page, _) in enumerate(PAGES.values()):
            index = site / "simple" / str(number) / "sample" / "index.html"
            index.parent.mkdir(parents=True)
            whole = page.format(url=self.server.url("ok", f"files/{WHEEL}")) if "{url}" in page else page
            index.write_text(whole, encoding="utf-8")

    def end_of(self, case: Case) -> str | None:
        """How it ends with this mirror alone; then the same with a right one behind it, whose file must be there."""
        ways: dict[str, Callable[[Case], str | None]] = {"measure": self._measured, "index": self._offered}
        if case.client in ways:
            return ways[case.client](case)
        alone = self._fetched(case, "alone", case.mode)
        assert self._fetched(case, "behind", case.mode, "ok") is None
        return alone

    def _fetched(self, case: Case, name: str, *modes: str) -> str | None:
        target = self.folder / f"{case.client}-{case.mode}-{name}" / "model.safetensors"
        path = "owner/model.safetensors"
        places = tuple(Address(self.server.url(mode, path), f"group {mode} {name}") for mode in modes)
        size = len(self.data) if case.client == "file" else None
        try:
            events = list(download(Wanted("model", target, places, self.digest, size), patience=PATIENCE))
        except LauncherError as error:
            assert str(error.message)
            assert str(error.hint)
            assert not target.exists()
            return error.code
        last = events[-1]
        assert isinstance(last, Downloaded)
        assert last.verified
        assert target.read_bytes() == self.data
        assert [each.name for each in target.parent.iterdir()] == [target.name]
        return None

    def _measured(self, case: Case) -> str:
        url = self.server.url(case.mode).rstrip("/")
        return self._verdict(
            sample_of_url("huggingface", MODEL, len(self.data)), Mirror("m", "m", None, url=url, style="endpoint")
        )

    def _offered(self, case: Case) -> str:
        number = list(PAGES).index(case.mode)
        sample = Sample("packages", "sample 1.0", None, "sample", "1.0", "3.11", frozenset({self.digest}))
        url = self.server.url("ok", f"simple/{number}")
        return self._verdict(sample, Mirror("m", "m", None, url=url, style="index"))

    def _verdict(self, sample: Sample, mirror: Mirror) -> str:
        measuring = measure(sample, [mirror], MEASURING)
        while True:
            try:
                next(measuring)
            except StopIteration as ended:
                return str(ended.value.verdicts[0].slug)
