"""A doctor, a log and mends that behave like the real ones without doing anything; `calls` says what was asked."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from launcher.core.diagnosis.advice import Advice
from launcher.core.diagnosis.rules import Words
from launcher.core.doctor.check import Checked
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Progress, Step
from launcher.core.handbook.entries import Entry
from launcher.core.mends.journal import Done, Mended
from launcher.core.mends.mend import Change, Preview
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.report.report import Part, Report
from launcher.core.text import Bilingual, Text, t
from launcher.tui.app import GessoApp
from launcher.tui.asks import Place, Wiring
from launcher.tui.asks_trouble import HERE, RUN_BEFORE, THIS_RUN, Found, HandbookAsks, ReportAsks, TroubleAsks
from launcher.tui.jobs import Cancel


def both(en: str, zh: str) -> Text:
    return Bilingual(en, (), zh)


def advice(slug: str = "srv-port-in-use", title: str = "The port is taken", mend: str | None = "next-port") -> Advice:
    return Advice(
        slug, "error", 12, "OSError: [Errno 98] [b]address[/b] already in use", both(title, "端口被占用"),
        both("Another program has it already.", "另一个程序已经在用它。"),
        (both("Let Gesso take the next one.", "让 Gesso 换下一个。"),
         both("Or close the other program.", "或者关掉那个程序。")),
        ("https://example.org/ports",), mend, (("port", "7860"),),
    )  # fmt: skip


CHECKS = (
    Checked("memory", both("Memory", "内存"), True, both("It is there.", "已经有了。")),
    Checked("proxy", both("Proxy", "代理"), False, both("It refuses [red]all[/red].", "它全部拒绝。"),
            both("Start the proxy.", "打开代理软件。"), "without-proxy", {"address": "http://127.0.0.1:1"}),
    Checked("windows", both("Windows", "系统"), None, both("This is another system.", "这是别的系统。")),
    Checked("disk", both("Disk", "磁盘"), False, both("It is full.", "已满。"), both("Free some.", "清理一些。")),
)  # fmt: skip


@dataclass
class Surgery:
    """What the three screens ask."""

    found: tuple[Found, ...] = (
        Found(THIS_RUN, "runtime.log", (advice(), advice("git-missing", "git is not found", None))),
        Found(RUN_BEFORE, "runtime.previous.log", (advice(),)),
        Found(HERE, "", ()),
    )
    checks: tuple[Checked, ...] = CHECKS
    change: tuple[Change, ...] = (
        Change(both("The port of the profile local", "配置 local 的端口"), "7860", "7861"),
        Change(both("A [b]file[/b]", "一个文件"), None, "line one\nline two"),
    )
    still: Text | None = None
    fails: LauncherError | None = None
    done: tuple[Done, ...] = ()
    folder: Path = Path("/w")
    calls: list[Any] = field(default_factory=list)

    def findings(self, lines: Sequence[str], _cancel: Cancel) -> Iterator[Found]:
        self.calls.append(("findings", *lines))
        yield from self.found

    def preview(self, name: str, values: Mapping[str, str]) -> Preview | None:
        self.calls.append(("preview", name, dict(values)))
        remark = both("The old one stays.", "旧的留着。")
        return Preview(name, both("Another port", "换一个端口"), self.change, remark) if self.change else None

    def mend(self, shown: Preview, values: Mapping[str, str], _cancel: Cancel) -> Generator[Event, None, Mended]:
        name = shown.mend
        self.calls.append(("mend", name, dict(values)))
        yield Step(name, both("Another port", "换一个端口"), "started", 1, 1)
        if self.fails:
            raise self.fails
        self.done = (
            Done(3, name, both("Another port", "换一个端口"), "2026-11-22T01:02:03+00:00", self.change, False, True),
        )
        self.found = self.found[:1]
        return Mended(3, self.still)

    def undo(self, number: int) -> Iterator[Event]:
        self.calls.append(("undo", number))
        if self.fails:
            raise self.fails
        self.done = ()
        yield Step("undo", both("Another port", "换一个端口"), "started", 1, 1)

    def gather(self, _cancel: Cancel) -> Generator[Event, None, Report]:
        yield Progress("report", 1, 2, "files")
        text = "\n".join(f"[b]line {number}[/b]" for number in range(60))
        return Report(
            (Part("README.txt", t("what this is"), "hello"), Part("logs/runtime.log", t("the end of a log"), text))
        )

    def write(self, report: Report, path: str) -> str:
        if self.fails:
            raise self.fails
        self.calls.append(("write", path, tuple(part.name for part in report.parts)))
        return path

    def asks(self) -> dict[type, object]:
        trouble = TroubleAsks(self.findings, lambda: iter(self.checks), self.preview, self.mend, self.undo,
                              lambda: self.done, frozenset({"next-port", "without-proxy"}))  # fmt: skip
        report = ReportAsks(self.gather, lambda: str(self.folder / "report.zip"), self.write)
        return {TroubleAsks: trouble, HandbookAsks: HandbookAsks(lambda: PAGES), ReportAsks: report}

    def app(self, fake: Any, language: str = "en") -> GessoApp:
        return GessoApp(fake.core(), language, Wiring(Place(Workspace(self.folder), Options()), self.asks()))


def page(name: str, sort: Any, en: str, zh: str, *also: str, steps: int = 0) -> Entry:
    done = tuple(Words(f"Step {number} of {en}", f"{zh}的第 {number} 步") for number in range(steps))
    return Entry(name, sort, Words(en, zh), Words(f"This is [b]{en}[/b].", f"这是{zh}。"), done, also=also)


PAGES = (
    page("git-missing", "failure", "git is not found", "找不到 git", "git: not found", steps=30),
    page("srv-port-in-use", "failure", "The port is taken", "端口被占用", "address already in use", steps=2),
    page("no-problem-x", "harmless", "A warning of x", "x 的警告"),
    page("term-vram", "term", "VRAM", "显存", "video memory", "爆显存"),
    page("term-port", "term", "Port", "端口", "7860"),
)
