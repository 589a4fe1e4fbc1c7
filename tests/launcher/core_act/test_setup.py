"""The guided install's questions, defaults, estimates and deeds, without a screen."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from launcher.core import paths
from launcher.core.environments.installed import Installed
from launcher.core.errors import LauncherError
from launcher.core.events import Credentials, Event, Notice, Progress, Step
from launcher.core.hardware.machine import Gpu, Machine
from launcher.core.network.mirror_probe import Measurement
from launcher.core.paths import Workspace, find_workspace
from launcher.core.plan.options import Options
from launcher.core.plan.plan import Plan
from launcher.core.proposal import propose
from launcher.core.settings import read_settings
from launcher.core.setup import course, network, places
from launcher.core.setup.course import STEPS, Answers
from launcher.core.setup.expectations import estimated, read_expectations
from launcher.core.setup.first_model import DEMO, LINK, model_question, take_model
from launcher.core.setup.found import duration, good_for, vram_of
from launcher.core.setup.network import AS_IS, Network, network_question, use_proxy
from launcher.core.setup.picture import draw, failure, wish
from launcher.core.setup.places import Place, find_places, place_question, take_place
from launcher.core.setup.question import Choice, Question
from launcher.core.setup.whole import Whole
from launcher.core.setup.whole import after as after_event
from launcher.core.text import t


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace 中文")


def a_machine(vram_mib: int | None) -> Machine:
    card = Gpu(0, "GPU-1", "nvidia", "A card", vram_mib, vram_mib, "8.6", seen_by="nvml")
    gpus = (card,) if vram_mib else ()
    return Machine("linux", "x86_64", "3.11.7", 16000, 120000, "580.65.06" if vram_mib else None, gpus)


def a_plan(workspace: Workspace, machine: Machine) -> Plan:
    return propose(workspace, Options(), Installed(), {}, machine=machine).plan


# Steps and answers


def test_the_steps_follow_each_other_and_lead_back_past_what_was_done():
    way = ["language"]
    while course.after(way[-1]) != way[-1]:
        way.append(course.after(way[-1]))
    assert way == list(STEPS)
    assert course.before("language") is None
    assert course.before("model") == "plan"
    assert course.before("done") == "model"
    assert all(course.before(step) in STEPS for step in way[1:])
    assert set(course.ABOUT) == set(STEPS)


def test_a_first_start_is_due_until_it_is_finished(workspace, monkeypatch):
    assert course.due(workspace)
    course.keep(workspace, Answers(step="model"))
    monkeypatch.setattr(course, "current", lambda _: Path("somewhere"))
    assert course.due(workspace), "it was begun and not finished"
    course.keep(workspace, Answers(step="done", finished=True))
    assert not course.due(workspace)
    (workspace.state / course.FILE).unlink()
    assert not course.due(workspace), "installed by `gesso up`, without questions"


@pytest.mark.parametrize(
    ("step", "installed", "expected"),
    [
        ("network", False, "network"),
        ("install", False, "plan"),
        ("install", True, "plan"),
        ("model", False, "plan"),
        ("model", True, "model"),
        ("done", True, "picture"),
    ],
)
def test_a_run_that_was_killed_goes_on_where_nothing_is_missing(workspace, monkeypatch, step, installed, expected):
    monkeypatch.setattr(course, "current", lambda _: Path("somewhere") if installed else None)
    course.keep(workspace, Answers(step=step, model="big.safetensors"))
    assert course.resumed(workspace) == Answers(expected, "big.safetensors")


@pytest.mark.parametrize("text", ["", "[]", '{"step": "dance"}', '{"step": 3}', '{"finished": "yes"}', "\0"])
def test_answers_that_cannot_be_read_begin_anew(workspace, text):
    workspace.state.mkdir(parents=True)
    (workspace.state / course.FILE).write_text(text, encoding="utf-8")
    assert course.read_answers(workspace) == Answers()
    assert course.resumed(workspace) == Answers()


def test_a_choice_that_is_refused_is_given_by_no_number():
    question = Question(t("Language"), (Choice("a", t("any")), Choice("b", t("all"), refused=t("Looking …"))), "a")
    assert question.numbered(1) == question.choices[0]
    assert [question.numbered(number) for number in (0, 2, 3, 999)] == [None] * 4


# What was found


@pytest.mark.parametrize(
    ("vram", "said"),
    [
        (None, "The processor will draw"),
        (2048, "little memory"),
        (4096, "1.5; SDXL works with patience"),
        (6144, "smaller models of the SDXL family"),
        (8192, "good for everything"),
        (24576, "good for everything"),
    ],
)
def test_what_a_card_is_good_for_is_said_plainly(workspace, vram, said):
    machine = a_machine(vram)
    plan = a_plan(workspace, machine)
    assert said in str(good_for(machine, plan))
    assert vram_of(machine, plan) == vram


def test_the_time_follows_the_measured_rate_and_what_lies_here_is_not_fetched(workspace):
    plan = a_plan(workspace, a_machine(8192))
    slow, fast = (estimated(plan, {"torch": rate, "packages": rate}) for rate in (1e6, 1e7))
    # nobody has weighed these wheels: reckoned from the disk
    assert plan.torch.bytes is None
    assert slow.bytes == fast.bytes > 1e9
    assert slow.seconds > 3 * fast.seconds
    assert slow.rate == 1e6
    assert set(fast.parts) == {step.name for step in plan.missing}
    local = replace(plan, torch=replace(plan.torch, wheel="/wheels/torch.whl"))
    assert estimated(local, {}).sizes["torch"] == 0
    assert "was not measured" in str(list(duration(estimated(plan, {})))[1])
    nothing = estimated(replace(plan, steps=(), downloads=()), {})
    assert nothing.seconds == 0
    assert [str(line) for line in duration(nothing)][1] == "Nothing has to be fetched from the network."


# The whole


def test_one_bar_for_the_whole_grows_and_is_full_only_at_the_end():
    whole, shares = Whole({"torch": 60.0, "packages": 30.0, "verify": 10.0}), []
    events: list[Event] = [
        Step("torch", t("all"), "started", 1, 3),
        *(Progress("torch", done, 100) for done in (0, 50, 100)),
        Step("torch", t("all"), "done", 1, 3),
        Step("packages", t("all"), "skipped", 2, 3),
        Step("verify", t("all"), "started", 3, 3),
        Progress("job", 50, 100, "percent"),
        Step("verify", t("all"), "done", 3, 3),
    ]
    for event in events:
        whole = after_event(whole, event)
        shares.append(round(whole.share, 2))
    assert shares == [0, 0, 0.27, 0.54, 0.6, 0.9, 0.9, 0.9, 1.0]
    assert whole.seconds_left == 0
    again = after_event(whole, Step("torch", t("all"), "started", 1, 3))
    assert again.share == 0.4, "another torch is tried from its beginning"
    assert Whole().share == 0


# Places


def test_a_folder_that_the_user_named_is_the_only_place(workspace):
    (place,) = find_places(workspace, 10)
    assert place.folder == workspace.root
    assert place.refused is None
    question = place_question((place,))
    assert question.default == str(workspace.root)


def test_a_disk_without_room_is_shown_and_not_taken(workspace):
    (place,) = find_places(workspace, 10**9)
    assert "too little room" in str(place.refused)
    roomy = Place(Path("/mnt/d/gesso"), "/mnt/d", 900_000)
    roomier = Place(Path("/mnt/e/gesso"), "/mnt/e", 990_000)
    question = place_question((place, roomy, roomier))
    assert question.default == str(roomier.folder)
    assert question.find(str(place.folder)) is None


def test_another_place_takes_what_was_answered_along_and_is_found_again(tmp_path, monkeypatch):
    checkout = tmp_path / "checkout"
    for module in (paths, places):
        monkeypatch.setattr(module, "checkout", lambda: checkout)
    before = Workspace(checkout / "workspace")
    before.state.mkdir(parents=True)
    before.config_file.write_text('language = "zh"\n', encoding="utf-8")
    course.keep(before, Answers(step="place"))
    there = take_place(before, tmp_path / "磁盘 d" / "gesso")
    assert find_workspace(None, {}) == there
    assert find_workspace(None, {"GESSO_ROOT": str(tmp_path / "x")}).root == tmp_path / "x"
    assert read_settings(there).language == "zh"
    assert course.read_answers(there).step == "place"
    assert not before.root.exists()
    assert places.is_named(Workspace(tmp_path / "x"))
    assert not places.is_named(there)
    assert take_place(there, before.root) == before
    assert find_workspace(None, {}) == before
    assert not (checkout / paths.KEPT_ROOT).exists()


@pytest.mark.parametrize("kept", ["", "relative/folder", "\0", "/dev/null"])
def test_a_kept_place_that_is_none_does_not_count(tmp_path, monkeypatch, kept):
    monkeypatch.setattr(paths, "checkout", lambda: tmp_path)
    (tmp_path / paths.KEPT_ROOT).write_text(kept, encoding="utf-8")
    assert find_workspace(None, {}).root == tmp_path / "workspace"


def test_a_place_that_cannot_be_made_is_a_named_failure_and_nothing_moves(workspace, tmp_path):
    (tmp_path / "file").touch()
    course.keep(workspace, Answers(step="place"))
    with pytest.raises(LauncherError) as failed:
        take_place(workspace, tmp_path / "file" / "gesso")
    assert failed.value.code == "no-permission"
    assert course.read_answers(workspace).step == "place"


# Network


def test_what_was_just_measured_in_vain_is_not_called_unmeasured(workspace, monkeypatch):
    def nobody(_workspace, _around, wanted, **_):
        yield from ()
        return tuple(Measurement(each.key, each.name, 0.0, ()) for each in wanted)

    monkeypatch.setattr(network, "survey", nobody)
    for name in ("HF_ENDPOINT", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    plan = a_plan(workspace, a_machine(None))
    found = network.measured(workspace, plan, environ={})
    with pytest.raises(StopIteration) as end:
        next(found)
    (faces,) = [each for each in end.value.value if each.kind == "huggingface"]
    assert faces.basis == "official"
    assert "gave anything just now" in str(faces.reason)


def test_a_proxy_is_asked_about_only_where_one_may_be_and_kept_only_when_wished(workspace):
    assert network_question(Network(proxy="http://127.0.0.1:1")) is None
    question = network_question(Network(offers=(7890, 1080)))
    assert question is not None
    assert question.default == AS_IS
    assert not use_proxy(workspace, AS_IS)
    assert read_settings(workspace).proxy.address is None
    assert use_proxy(workspace, question.choices[2].name)
    assert read_settings(workspace).proxy.address == "http://127.0.0.1:1080"


# Models


def test_the_demo_model_is_proposed_and_every_other_says_size_licence_source_and_whether_it_fits(workspace):
    question = model_question(workspace, 4096)
    assert question.default == DEMO
    names = [choice.name for choice in question.choices]
    assert names == [DEMO, *read_expectations().models]
    small, large = (question.choices[names.index(name)] for name in (names[1], names[3]))
    facts = " ".join(map(str, small.detail))
    for said in ("2.0 GB to fetch", "licence: CreativeML Open RAIL-M", "Hugging Face", "fits this card"):
        assert said in facts
    assert "made for cards from 8 GB" in " ".join(map(str, large.detail))
    assert list(take_model(workspace, DEMO)) == []


def test_an_install_of_another_program_is_linked_where_it_lies(workspace, tmp_path):
    from launcher.core.models.other_installs import find_install

    other = tmp_path / "stable-diffusion-webui"
    for name in ("models/Stable-diffusion", "models/Lora"):
        (other / name).mkdir(parents=True)
    install = find_install(other)
    assert install is not None
    question = model_question(workspace, None, (install,))
    choice = question.choices[1]
    assert choice.name == f"{LINK}{other}"
    assert "AUTOMATIC1111" in str(choice.title)
    assert list(take_model(workspace, choice.name)) == []
    assert read_settings(workspace).models.linked == (str(other),)


# The picture

PNG = b"\x89PNG\r\n\x1a\n and so on"


@contextmanager
def a_runtime(answers: Mapping[str, tuple[int, object]]) -> Iterator[tuple[str, list[tuple[str, dict, str | None]]]]:
    """Serves `answers` by the last part of the route; what it was asked, with the authorization."""
    asked: list[tuple[str, dict, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            route = self.path.removeprefix("/sdapi/v1/")
            asked.append((route, body, self.headers["Authorization"]))
            status, answer = answers[route]
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_the_picture_is_asked_of_the_runtime_with_the_chosen_model_and_kept(workspace, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    answers = {"options": (200, None), "txt2img": (200, {"images": [base64.b64encode(PNG).decode()]})}
    with a_runtime(answers) as (url, asked):
        drawn = draw(workspace, url, DEMO, Credentials("gesso", "key"))
    assert drawn.file.read_bytes() == PNG
    assert drawn.file.parent == workspace.outputs
    assert drawn.prompt == wish(DEMO).prompt == "a red circle on a white background"
    assert [route for route, _, _ in asked] == ["options", "txt2img"]
    assert asked[0][1] == {"sd_model_checkpoint": "gesso-demo"}
    assert asked[1][1]["prompt"] == drawn.prompt
    assert asked[1][2] == "Basic " + base64.b64encode(b"gesso:key").decode()


def test_a_model_that_was_just_fetched_is_looked_for_first(workspace):
    answers: dict[str, tuple[int, object]] = {
        "refresh-checkpoints": (200, None), "options": (200, None),
        "txt2img": (200, {"images": [base64.b64encode(PNG).decode()]}),
    }  # fmt: skip
    with a_runtime(answers) as (url, asked):
        drawn = draw(workspace, url, "big one.safetensors")
    assert [route for route, _, _ in asked] == ["refresh-checkpoints", "options", "txt2img"]
    assert asked[1][1] == {"sd_model_checkpoint": "big one"}
    assert drawn.prompt == wish("big one.safetensors").prompt != wish(DEMO).prompt


def test_with_linked_models_the_runtime_takes_its_own(workspace):
    answers: dict[str, tuple[int, object]] = {"txt2img": (200, {"images": [base64.b64encode(PNG).decode()]})}
    with a_runtime(answers) as (url, asked):
        draw(workspace, url, f"{LINK}/somewhere")
    assert [route for route, _, _ in asked] == ["txt2img"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, {"error": "OutOfMemoryError", "detail": "no room"}), "no room"),
        ((404, {"detail": "Model not found"}), "Model not found"),
        ((200, {"images": []}), "holds no picture"),
        ((200, {"images": ["%%%"]}), "holds no picture"),
        ((200, ["nothing"]), "holds no picture"),
        ((200, b"<html>"), "could not be drawn"),
    ],
)
def test_whatever_the_runtime_answers_instead_is_a_named_failure(workspace, answer, said):
    with a_runtime({"options": (200, {}), "txt2img": answer}) as (url, _), pytest.raises(LauncherError) as failed:
        draw(workspace, url, DEMO)
    assert failed.value.code == "not-drawn"
    assert said in str(failed.value.message)
    assert not (workspace.outputs / "first-picture.png").exists()


def test_a_runtime_that_is_gone_is_a_named_failure(workspace):
    with pytest.raises(LauncherError, match="not-drawn"):
        draw(workspace, "http://127.0.0.1:9", DEMO)


def test_a_model_that_was_refused_is_a_failure_and_other_notices_are_none():
    assert failure(Notice("started", "info", t("all"))) is None
    refused = failure(Notice("model-failed", "error", t("any")))
    assert refused is not None
    assert refused.message == t("any")
