"""Who is connected and what is being drawn, as a launcher hears it from the runtime that it follows."""

from __future__ import annotations

from launcher.core.events import Drawing, Event, Progress, Visitors
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.running import stop
from launcher.core.serving.launch import launch
from tests.launcher.core_act.test_launch import PLAN
from tests.launcher.core_act.workshop import with_fake_engine


def test_visitors_and_drawings_are_told_once_each_and_progress_every_time(workspace: Workspace) -> None:
    with_fake_engine(workspace)
    told: list[Event] = []
    for event in launch(workspace, Options(runtime_flags=("--fake=busy",)), PLAN):
        if isinstance(event, Drawing | Progress | Visitors):
            told.append(event)
        if isinstance(event, Progress) and event.name == "job-done":
            stop(workspace)
    assert told == [
        Visitors(("192.168.1.7", "link")),
        Drawing("txt2img", 512, 768, 1, 2, 3),
        Progress("job-started", 0, 100, "percent"),
        Progress("job-progress", 25, 100, "percent"),
        Drawing("txt2img", 512, 768, 2, 2, 3),
        Progress("job-progress", 75, 100, "percent"),
        Progress("job-done", 100, 100, "percent"),
    ]
