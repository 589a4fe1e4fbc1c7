"""The screens' questions put to the real core: rules, mends and journal over a workspace on the disk."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from launcher.core.diagnosis.rules import read_rules
from launcher.core.doctor.check import Checked
from launcher.core.mends import MENDS
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.profiles.files import save_profile
from launcher.core.profiles.run_profiles import RunProfile, read_run_profile
from launcher.tui import asks_trouble
from launcher.tui.app import GessoApp
from launcher.tui.asks import Place, Wiring
from launcher.tui.asks_console import ConsoleAsks
from launcher.tui.asks_trouble import ReportAsks, TroubleAsks
from tests.launcher.tui.test_home_screen import until

TAKEN = "ERROR: [Errno 98] error while attempting to bind on address ('127.0.0.1', 7860): address already in use"


@pytest.fixture
def place(tmp_path, monkeypatch) -> Place:
    for name in ("COMMANDLINE_ARGS", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    workspace = Workspace(tmp_path / "w")
    workspace.logs.mkdir(parents=True)
    (workspace.logs / "runtime.log").write_text(f"loading\n{TAKEN}\n", encoding="utf-8")
    return Place(workspace, Options())


def test_every_mend_that_a_rule_names_is_there() -> None:
    named = {mend for kind in read_rules() for mend in (kind.mend, *(sign.mend for sign in kind.sign)) if mend}
    assert named <= set(MENDS)


async def test_a_finding_is_mended_by_one_key_and_taken_back(place, fake, monkeypatch):
    # the doctor asks the network, and has tests of its own
    monkeypatch.setattr(asks_trouble, "_checks", lambda _place: iter(()))
    profiles = place.workspace.root / "profiles"
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        (place.workspace.logs / "runtime.log").write_text(TAKEN.replace("7860", str(port)), encoding="utf-8")
        save_profile(profiles, "local", RunProfile(title="mine", port=port))
        await mended_and_taken_back(GessoApp(fake.core(), "en", Wiring(place)), profiles, port)


async def mended_and_taken_back(app: GessoApp, profiles: Path, port: int) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        pilot.app.go("troubleshooting")
        await until(pilot, "address already in use")
        await pilot.press("enter")
        await until(pilot, "This will be changed:")
        assert read_run_profile("local", profiles).port == port
        await pilot.press("enter")
        await until(pilot, "✓ mended")
        assert read_run_profile("local", profiles).port not in (None, port)
        await pilot.press("u")
        await until(pilot, "Which one shall be taken back?")
        await pilot.press("enter")
        await until(pilot, "It is as it was before.")
        assert read_run_profile("local", profiles).port == port


def test_the_rules_mark_what_a_runtime_says(place) -> None:
    marks = ConsoleAsks.real(place).rules()
    assert marks(["loading", "100%|####| 20/20"]) == []
    assert [index for index, _ in marks(["loading", TAKEN, "bye"])] == [1]


def test_logs_are_looked_through_until_it_is_cancelled(place) -> None:
    asks, cancel = TroubleAsks.real(place), threading.Event()
    found = list(asks.findings(["error: x", "No space left on device"], cancel))
    assert [each.log for each in found] == ["runtime.log", ""]
    assert found[0].advice[0].slug == "srv-port-in-use"
    cancel.set()
    assert [each.log for each in asks.findings([], cancel)] == [""]


def test_a_report_is_gathered_and_written(place, monkeypatch) -> None:
    monkeypatch.setattr(
        asks_trouble, "_checks", lambda _place: iter([Checked("git", asks_trouble.HERE, True, asks_trouble.HERE)])
    )
    asks = ReportAsks.real(place)
    walk, report = asks.gather(threading.Event()), None
    while report is None:
        try:
            next(walk)
        except StopIteration as end:  # noqa: PERF203 - the generator's value
            report = end.value
    path = asks.write(report, asks.free_path())
    assert path.startswith(str(place.workspace.root))
    assert {"checks.json", "findings.json", "logs/runtime.log"} <= {part.name for part in report.parts}
