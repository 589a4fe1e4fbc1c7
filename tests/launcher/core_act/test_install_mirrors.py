"""An install that has to fetch: mirrors are measured, the fastest is asked, one that fails is left for another."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.environments.environments import current
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.install.install import install
from launcher.core.network import mirrors as mirror_list
from launcher.core.network.mirror_choice import Circumstances, chosen, look_around
from launcher.core.network.mirror_memory import remember
from launcher.core.network.mirror_probe import Measurement
from launcher.core.network.mirror_verdicts import Verdict
from launcher.core.paths import Workspace, checkout
from launcher.core.settings import change_setting
from tests.fakes.fault_modes import MODES
from tests.fakes.fault_server import FaultServer
from tests.fakes.fault_sockets import SOCKET_MODES
from tests.launcher.core_act.workshop import PROOF, from_index, lock_of, plan_with, sha256, stamp_text, wheel

ENTRY = '[[torch]]\nname = "{name}"\ngroup = "{name}"\nchecked = 2026-11-21\n'
VERSION = "2.13.99"
#: of the fault server's modes those that serve a small file rightly, some of them in their own way
GOOD = (
    "ok", "rate", "no-length", "chunked", "redirect", "redirect-host", "redirect-plain", "wrong-bytes", "ignores-range",
    "wrong-range", "lying-range", "new-etag", "weak-etag", "no-validator", "gzip", "no-head",
)  # fmt: skip


def torch_index(folder: Path, text: str) -> Path:
    """As PyTorch's: the files lie beside the projects' pages."""
    made = wheel(folder, "torch", VERSION, text=text)
    page = folder / "torch" / "index.html"
    page.parent.mkdir()
    page.write_text(f'<!DOCTYPE html>\n<a href="../{made.name}#sha256={sha256(made)}">{made.name}</a>\n')
    return made


class Market:
    """An index of torch in a folder, served by mirrors that are good and bad; everything on the loopback."""

    def __init__(self, tmp_path: Path, workspace: Workspace, environ: dict[str, str], server: FaultServer) -> None:
        self.workspace, self.server, self._folder = workspace, server, tmp_path
        self.links = tmp_path / "links"
        self.torch = torch_index(tmp_path / "index", "x" * 200_000)
        self.environ = {**environ, "PIP_FIND_LINKS": str(self.links), "PIP_INDEX_URL": server.url("404")}
        self.lock = lock_of(tmp_path / "engine.txt", wheel(self.links, "tiny", "1.0"))

    def offer(self, **modes: str) -> None:
        """The mirrors of torch beside the official place."""
        text = (checkout() / "mirrors.toml").read_text(encoding="utf-8")
        kept = re.sub(r"\[\[torch\]\]\n(?:[^\[\n].*\n|\n)*", "", text)
        entries = [ENTRY.format(name="official") + "official = true\n"]
        entries += [
            ENTRY.format(name=name)
            + f'url = "{(mode if "://" in mode else self.server.url(mode)).rstrip("/")}"\nstyle = "index"\n'
            for name, mode in modes.items()
        ]
        # enough for the loopback
        kept = kept.replace("seconds = 8.0", "seconds = 2.0")
        (self._folder / "mirrors.toml").write_text("".join(entries) + kept, encoding="utf-8")

    def install(self, official: str) -> list[Event]:
        """`official`: how PyTorch's own index is today."""
        choice = from_index(self.server.url(official).rstrip("/"), VERSION)
        # as of a published wheel its size is known
        plan = plan_with(replace(choice, bytes=self.torch.stat().st_size))
        return list(install(plan, self.workspace, environ=self.environ, lock=self.lock, proof=PROOF))

    def believe(self, **rates: float) -> None:
        """As if measured a moment ago, in MB/s."""
        verdicts = tuple(Verdict(name, name, "ok", rate * 1e6) for name, rate in rates.items())
        measured = Measurement("torch:cpu", "torch", time.time(), verdicts)
        remember(self.workspace, self.around().network, [measured])

    def around(self) -> Circumstances:
        return look_around(self.workspace, self.environ, ("torch",))

    def served_by(self) -> set[str]:
        """The modes that gave whole wheels, not the first bytes for measuring."""
        wheels = [each for each in self.server.requests if each.path.endswith(".whl") and each.method == "GET"]
        return {each.mode for each in wheels if "range" not in each.headers}


@pytest.fixture
def market(tmp_path: Path, workspace: Workspace, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "index").mkdir()
    monkeypatch.setattr(mirror_list, "checkout", lambda: tmp_path)
    with FaultServer(tmp_path / "index") as server:
        yield Market(tmp_path, workspace, environ, server)


def notices(events: list[Event]) -> dict[str, str]:
    return {event.slug: str(event.text) for event in events if isinstance(event, Notice)}


def test_what_is_fetched_comes_from_the_fastest_and_the_next_install_knows_it(market: Market) -> None:
    market.offer(refusing="403", fast="no-validator", page="html")
    events = market.install("rate=300000")
    assert current(market.workspace) is not None
    said = notices(events)
    assert "4" in said["measuring"]
    assert said["mirror-chosen"].startswith("Fastest of 2: fast, ")
    assert market.served_by() == {"no-validator"}
    choice = chosen(market.around(), "torch", "cpu")
    assert [mirror.name for mirror in choice.mirrors] == ["fast", "official", "refusing"]


def test_a_mirror_that_fails_now_is_left_for_another_group_and_asked_last_for_a_while(market: Market) -> None:
    market.offer(gone="403", fast="no-validator")
    market.believe(gone=9.0, fast=5.0, official=0.1)
    assert chosen(market.around(), "torch", "cpu").first.name == "gone"
    said = notices(market.install("ok"))
    assert current(market.workspace) is not None
    assert "measuring" not in said, "it was measured a moment ago"
    assert "fast is asked instead" in said["source-failed"]
    assert market.served_by() == {"no-validator"}
    assert chosen(market.around(), "torch", "cpu").first.name == "fast"


def test_the_official_hash_outweighs_the_fastest_mirror(market: Market, tmp_path: Path) -> None:
    """Its file has the same name and other bytes: it is found out, and the right one comes from elsewhere."""
    forged = torch_index(tmp_path / "forged", "y" * 200_000)
    right = sha256(market.torch)
    assert forged.name == market.torch.name
    assert sha256(forged) != right
    with FaultServer(tmp_path / "forged") as liar:
        market.offer(liar=liar.url("ok"))
        market.believe(liar=9.0, official=1.0)
        market.install("ok")
        assert liar.requests, "it was asked"
    folder = current(market.workspace)
    assert folder is not None
    assert stamp_text(folder)["sha256"] == [right]


def test_of_a_mirror_that_was_chosen_by_name_the_official_hash_is_asked_too(market: Market, tmp_path: Path) -> None:
    torch_index(tmp_path / "forged", "y" * 200_000)
    change_setting(market.workspace, "mirrors.torch", "liar")
    with FaultServer(tmp_path / "forged") as liar:
        market.offer(liar=liar.url("ok"))
        with pytest.raises(LauncherError, match="hash-mismatch"):
            market.install("ok")
        assert current(market.workspace) is None
        said = notices(market.install("403"))
    assert "liar alone says" in said["torch-unconfirmed"]


def test_among_every_kind_of_bad_mirror_the_good_one_is_found(market: Market) -> None:
    """Each fault once, the official place refusing: the install comes to its end, with the right file."""
    bad = {mode: mode for mode in (*MODES, *SOCKET_MODES) if mode not in GOOD}
    assert len(bad) >= 25
    market.offer(**bad, good="ok")
    began = time.monotonic()
    said = notices(market.install("403"))
    assert time.monotonic() - began < 60
    assert said["mirror-chosen"].startswith("Fastest of 2: good, ")
    assert market.served_by() == {"ok"}
    folder = current(market.workspace)
    assert folder is not None
    assert stamp_text(folder)["sha256"] == [sha256(market.torch)]
