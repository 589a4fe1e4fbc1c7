"""What the pictures of the interface show: a middling computer, invented to its last byte, under the real screens."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from launcher.core.diagnosis.diagnose import diagnose_text
from launcher.core.doctor.check import Checked
from launcher.core.environments.environments import Stamp
from launcher.core.environments.installed import Installed
from launcher.core.environments.listing import Listed, Size
from launcher.core.events import Event, Line, ModelLoaded, Phase, Probed, Progress, Ready, Step
from launcher.core.hardware.live import Figures
from launcher.core.hardware.look import Gpu, Machine
from launcher.core.install.repair import Health
from launcher.core.mends.mend import Change, Preview
from launcher.core.network.mirror_choice import Circumstances
from launcher.core.network.mirror_memory import Memory
from launcher.core.network.mirror_probe import Measurement
from launcher.core.network.mirror_table import mirror_table
from launcher.core.network.mirror_verdicts import Verdict
from launcher.core.network.mirrors import KINDS, read_mirrors
from launcher.core.network.proxies import Proxies
from launcher.core.network.proxy_check import Checked as CheckedProxy
from launcher.core.network.proxy_settings import Said
from launcher.core.network.proxy_trial import Trial
from launcher.core.network.routes import Way
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Download
from launcher.core.profiles.run_profiles import read_run_profile
from launcher.core.proposal import propose
from launcher.core.proxy_address import repaired
from launcher.core.report.report import Part, Report
from launcher.core.running import Status
from launcher.core.settings import MirrorSettings
from launcher.core.setup.course import Answers
from launcher.core.setup.expectations import Estimate
from launcher.core.setup.first_model import model_question
from launcher.core.setup.network import Network
from launcher.core.setup.picture import Picture
from launcher.core.setup.places import Place as Folder
from launcher.core.text import t
from launcher.core.update.clone import Changes
from launcher.core.update.find import Update
from launcher.core.update.proof import Rebuilds
from launcher.tui.asks import Place, Wiring
from launcher.tui.asks_environments import EnvironmentsAsks, EnvironmentsSeen
from launcher.tui.asks_network import MirrorsSeen, NetworkAsks, ProxiesSeen, ProxyAsks
from launcher.tui.asks_settings import SettingsAsks, UpdateAsks, Use, VersionSeen
from launcher.tui.asks_setup import SetupAsks
from launcher.tui.asks_trouble import THIS_RUN, Found, ReportAsks, TroubleAsks
from launcher.tui.home_jobs import Core
from launcher.tui.jobs import Cancel
from launcher.tui.state import Survey

URL = "http://127.0.0.1:7860"
_FAILURE = (
    'File "~/gesso/runtime/worker.py", line 214, in draw',
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB",
)
GIB = 1024**3
_LOG = (
    "Starting server on http://127.0.0.1:7860",
    "The API answers; the page is being loaded",
    "torch 2.13.0+cu130 on NVIDIA GeForce RTX 3060",
    "Loading gesso-demo.safetensors",
    "Model loaded in 1.4 s",
    "UserWarning: The given buffer is not writable",
    "100%|██████████| 20/20 [00:04<00:00,  4.61it/s]",
    "Picture saved: outputs/txt2img-images/2026-11-21/00001-42.png",
)
CARD = Gpu(0, "GPU-0", "nvidia", "NVIDIA GeForce RTX 3060", 12288, 11870, "8.6")
MACHINE = Machine("linux", "x86_64", "3.12.11", 32100, 412000, "580.95.05", (CARD,))


def _given(value: Any) -> Generator[Event, None, Any]:
    """Something that takes a moment."""
    yield Progress("report", 1, 2, "files")
    return value


@dataclass
class Scene:
    """One computer with a workspace of its own under `folder`."""

    folder: Path
    #: the step of the guided install to begin with; from "model" on everything is installed
    step: str = "language"

    def __post_init__(self) -> None:
        """Plans by the real planner, for a computer that nobody has."""
        self.workspace = Workspace(self.folder)
        self.before = self._survey(Installed(), Status("stopped"))
        done = Installed("torch-2.13.0-cu130-1", "2.13.0+cu130", "0" * 64, verified=True)
        ready = self._survey(done, Status("stopped"))
        steps = tuple(replace(step, state="done") for step in ready.plan.steps)
        self.after = replace(ready, plan=replace(ready.plan, steps=steps, downloads=(), findings=()))

    def _survey(self, installed: Installed, status: Status) -> Survey:
        proposal = propose(self.workspace, Options(), installed, {}, machine=MACHINE)
        # What a computer with the files in its cache would not have to fetch is fetched here all the same.
        sizes = {"torch": 2_412_000_000, "packages": 641_000_000}
        steps = tuple(replace(step, bytes=sizes.get(step.name)) for step in proposal.plan.steps)
        downloads = (
            Download("torch", sizes["torch"], "https://mirror.nju.edu.cn/pytorch/whl/cu130"),
            Download("packages", sizes["packages"], "https://mirrors.aliyun.com/pypi/simple"),
        )
        plan = replace(proposal.plan, steps=steps, downloads=downloads)
        title = read_run_profile("local", self.workspace.root / "profiles").title
        return Survey(MACHINE, installed, plan, status, proposal.options, ("gesso-demo",), title)

    # Home

    def core(self) -> Core:
        """Starts well and draws on."""
        return Core(
            look=lambda: self.after,
            install=lambda _survey, _cancel: iter(()),
            launch=lambda _survey, cancel: self._launch(cancel),
            stop=lambda: None,
            open_page=lambda _url: True,
            save_language=lambda _language: None,
            figures=self._figures,
        )

    def _launch(self, cancel: Cancel) -> Iterator[Event]:
        yield Phase("server")
        yield from (Line("runtime", text) for text in _LOG)
        yield Ready(URL, 4711)
        yield ModelLoaded("gesso-demo", 1.4)
        yield Ready(URL, 4711, page=True)
        yield Progress("job-running", 65, 100, "percent")
        cancel.wait()

    def _figures(self, cancel: Cancel) -> Iterator[Figures]:
        for load in (3, 5, 22, 71, 93, 97, 96, 98, 97, 95):
            free = 12288 - 3900 - load * 9
            card = replace(CARD, vram_free_mib=free, temperature_c=43 + load // 5, utilisation_percent=load)
            yield Figures((card,), 12 + load // 9, 11800, 32100)
        cancel.wait()

    # The wiring

    def wiring(self) -> Wiring:
        """Every screen's questions; what is not here is asked of the real core, in this workspace."""
        asks: tuple[Any, ...] = (
            self.setup(), self.network(), self.proxy(), self.environments(), self.settings(), self.update(),
            self.trouble(), self.report(),
        )  # fmt: skip
        return Wiring(Place(self.workspace, Options()), {type(each): each for each in asks})

    def setup(self) -> SetupAsks:
        """The guided install, which waits in the middle of what takes long."""
        real = SetupAsks.real(Place(self.workspace, Options()))
        return replace(
            real,
            resumed=lambda _: Answers(self.step),
            look=lambda _: self.after if self.step in ("model", "picture") else self.before,
            save_language=lambda *_: None,
            proxies=lambda _: Network(proxy="http://127.0.0.1:7890"),
            measure=self._measure_for_setup,
            places=lambda *_: (
                Folder(self.workspace.root, "/", 412_000),
                Folder(Path("/media/ming/disk/gesso"), "/media/ming/disk", 931_000),
            ),
            estimate=lambda *_: self._estimate(),
            install=lambda _, _plan, cancel: self._install(cancel),
            other_installs=lambda _: (),
            models=lambda there, vram, installs: model_question(there, vram, installs),
            launch=lambda _, _survey, cancel: self._launch(cancel),
            draw=lambda *_: self._picture(),
            core=lambda _: self.core(),
        )

    def _estimate(self) -> Estimate:
        sizes = {step.name: step.bytes or 0 for step in self.before.plan.missing}
        return Estimate(sizes, 8_600_000.0, {name: max(20.0, size / 8_600_000) for name, size in sizes.items()})

    def _measure_for_setup(
        self, _workspace: Workspace, _plan: object, cancel: Cancel
    ) -> Generator[Event, None, tuple[Any, ...]]:
        for kind, name, share, rate in (
            ("packages", "aliyun", 1.0, 11.2e6), ("packages", "tencent", 1.0, 9.8e6), ("packages", "tuna", 0.7, 2.1e6),
            ("packages", "official", 0.3, 0.4e6), ("torch", "nju", 0.9, 8.6e6), ("torch", "official", 0.1, 0.2e6),
        ):  # fmt: skip
            yield Probed(kind, name, int(share * 1048576), 1048576, rate, over=share == 1.0)
        cancel.wait()
        return ()

    def _install(self, cancel: Cancel) -> Iterator[Event]:
        missing = self.before.plan.missing
        for number, step in enumerate(missing, 1):
            yield Step(step.name, step.title, "started", number, len(missing))
            if step.name == "torch":
                total = step.bytes or 2_400_000_000
                yield Line("uv", "Downloading torch (1.8GiB)")
                for part in (5, 12, 19, 27, 34, 42):
                    yield Progress(step.name, total * part // 100, total, rate=8_600_000.0, seconds_left=162.0)
                cancel.wait()
                return
            yield Step(step.name, step.title, "done", number, len(missing))

    def _picture(self) -> Picture:
        from PIL import Image, ImageDraw

        drawn = Image.new("RGB", (256, 256), "#f4f1ea")
        ImageDraw.Draw(drawn).ellipse((56, 60, 204, 208), fill="#c9362c")
        content = io.BytesIO()
        drawn.save(content, "PNG")
        file = self.folder / "outputs" / "txt2img-images" / "00001-42.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.getvalue())
        return Picture(file, "a red circle on a white background", 3.0)

    # The other screens

    def network(self) -> NetworkAsks:
        """Measured five minutes ago, behind a proxy; measured again, it stays in the middle."""
        mirrors = read_mirrors()
        rates = {"aliyun": 11.2e6, "tencent": 9.8e6, "huawei": 6.3e6, "nju": 8.6e6, "hf-mirror": 4.4e6, "ghfast": 1.9e6}
        measured = []
        for kind in KINDS:
            verdicts = [
                Verdict(each.name, each.group, "ok", rates[each.name], 0.02 + number / 90)
                if each.name in rates
                else Verdict(each.name, each.group, ("stalled", "refused", "unreachable")[number % 3])
                for number, each in enumerate(mirrors.of(kind))
            ]
            measured.append(Measurement(kind, "torch 2.13.0", time.time() - 300, tuple(verdicts)))
        around = Circumstances(mirrors, MirrorSettings(), {}, Memory(tuple(measured)))
        seen = MirrorsSeen(tuple(mirror_table(around, kind) for kind in KINDS), 4096, "http://127.0.0.1:7890")

        def measure(_kinds: object, cancel: Cancel) -> Generator[Event, None, MirrorsSeen]:
            for number, each in enumerate(mirrors.of("packages")):
                share = (37 * number + 12) % 100 / 100
                yield Probed("packages", each.name, int(share * 1048576), 1048576, 1e6 * (1 + number))
            cancel.wait()
            return seen

        return NetworkAsks(
            lambda: seen, measure, lambda _kind, _name: seen, lambda _kind, _text: None, lambda _kib: seen
        )

    def proxy(self) -> ProxyAsks:
        """Clash on this computer, as the system says."""
        said = Said("gnome", "http://127.0.0.1:7890", "http://127.0.0.1:7890", bypass=("localhost", "192.168.*"))
        services = tuple(
            (name, f"https://{name}.example/") for name in ("packages", "huggingface", "github", "modelscope")
        )
        seen = ProxiesSeen(Proxies((said,)), (), services, (10808,))
        near = Way(None, t("a mirror that answers without the proxy"))
        far = Way("http://127.0.0.1:7890", t("the proxy works"))
        good, bad = Trial("works", 0.3), Trial("silent", 5.0)
        checked = (
            CheckedProxy("packages", "", good, Trial("works", 0.9), near),
            CheckedProxy("huggingface", "", bad, Trial("works", 0.8), far),
            CheckedProxy("github", "", bad, Trial("works", 0.7), far),
            CheckedProxy("modelscope", "", good, Trial("works", 1.1), near),
        )
        return ProxyAsks(lambda: seen, lambda: checked, lambda _address: seen, repaired)

    def environments(self) -> EnvironmentsAsks:
        """Three side by side."""

        def listed(name: str, state: Any, torch: str, day: int, size: float) -> Listed:
            index = "https://mirror.nju.edu.cn/pytorch/whl/cu130"
            stamp = Stamp(torch, "cu130", index, ("0" * 64,), "1" * 64, "3.12", f"2026-11-{day}T10:00:00")
            total = int(size * GIB)
            return Listed(self.workspace.environments / name, state, stamp, Size(total, total * 9 // 10))

        found = (
            listed("torch-2.13.0-cu130-1", "current", "2.13.0+cu130", 20, 6.1),
            listed("torch-2.12.1-cu126-1", "previous", "2.12.1+cu126", 12, 5.8),
            listed("torch-2.13.0-cpu-1", "kept", "2.13.0+cpu", 10, 1.9),
        )
        seen = EnvironmentsSeen(found, None)
        return EnvironmentsAsks(
            look=lambda: seen,
            check=lambda _folder, _cancel: Health(None, (), ()),
            repair=lambda _folder, _health, _cancel: iter(()),  # type: ignore[arg-type, return-value]
            create=lambda _cancel: iter(()),  # type: ignore[arg-type, return-value]
            switch=lambda _folder: None,
            rollback=lambda: found[1].folder,
            remove=lambda _folder: None,
        )

    def trouble(self) -> TroubleAsks:
        """A start that ran out of video memory behind a proxy that refuses; the findings are the rules' own."""
        log = "Loading sd_xl_base_1.0.safetensors\n" + "\n".join(_FAILURE)
        checks = (
            Checked("proxy", t("Proxy"), False,
                    t("Nothing answers at the proxy {proxy}, which {where} names.", proxy="http://127.0.0.1:7890",
                      where=t("the environment variables")),
                    t("Start the program that is the proxy (Clash, V2Ray …), or go without: gesso proxy set none"),
                    "without-proxy"),
            Checked("disk", t("Disk space"), True, t("{free} are free, and {needed} are needed.",
                                                     free="402 GB", needed="9.0 GB")),
            Checked("ports", t("Port"), True, t("Port {port} is free.", port=7860)),
            Checked("long-paths", t("Long paths (Windows)"), None, t("This is not Windows.")),
        )  # fmt: skip
        changes = (Change(t('the memory mode of the run profile "{name}"', name="local"), "full", "medvram"),)
        slower = t("Drawing becomes a little slower and needs less memory. It counts from the next start.")
        return TroubleAsks(
            findings=lambda _lines, _cancel: iter([Found(THIS_RUN, "runtime.log", diagnose_text(log))]),
            checks=lambda: iter(checks),
            preview=lambda name, _values: Preview(name, t("Use less of the card's memory"), changes, slower),
            mend=lambda _name, _values, _cancel: iter(()),  # type: ignore[arg-type, return-value]
            undo=lambda _number: iter(()),
            done=tuple,
        )

    def report(self) -> ReportAsks:
        """Of this computer, with a log."""
        real = ReportAsks.real(Place(self.workspace, Options()))
        hardware = json.dumps(MACHINE.to_json(), indent=1)
        parts = (
            Part("README.txt", t("what this is"), "Gesso"),
            Part("hardware.json", t("this computer; `gesso plan --simulate` takes it"), hardware),
            Part("logs/runtime.log", t("the end of a log"), "\n".join(_FAILURE)),
        )
        return replace(real, gather=lambda _cancel: _given(Report(parts)))

    def settings(self) -> SettingsAsks:
        """The real file of this workspace, and a disk with something on it."""
        real = SettingsAsks.real(Place(self.workspace, Options()))
        sizes = (("cache", 9.3), ("environments", 13.8), ("models", 18.2), ("outputs", 1.4), ("logs", 0.1))

        def count(_cancel: threading.Event) -> Generator[Use, None, None]:
            amounts = tuple((name, int(size * GIB)) for name, size in sizes)
            yield Use(self.folder, amounts, 402 * GIB, done=True)

        return replace(real, count=count)

    def update(self) -> UpdateAsks:
        """A newer version."""
        commits = ("3f1c2aa Two cards share one queue", "91be04d The console marks what it knows")
        files = ("launcher/core/serving/launch.py", "launcher/tui/screens/console.py", "runtime/dispatch.py")
        update = Update(
            "0.1.0", "0.2.0", "3" * 40, Changes(commits, files), Rebuilds(launcher=True, engine=False), before="0.0.9"
        )

        def find(_cancel: Cancel) -> Generator[Event, None, Update]:
            yield Progress("fetch", 60, 60, "objects")
            return update

        def back() -> Generator[Event, None, str]:
            yield Phase("back")
            return "0.0.9"

        return UpdateAsks(lambda: VersionSeen("0.1.0", "0.0.9"), find, lambda _update, _cancel: iter(()), back)  # type: ignore[arg-type, return-value]
