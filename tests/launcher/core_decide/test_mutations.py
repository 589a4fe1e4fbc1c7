"""Files that the launcher keeps, torn and changed in thousands of ways: each is read, or refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.core.download.state import State, read_state, write_state
from launcher.core.environments import environments
from launcher.core.environments.recipes import LOCK, RECIPE, read_recipe
from launcher.core.errors import LauncherError
from launcher.core.mends import journal
from launcher.core.mends.mend import Here
from launcher.core.models.known import read_known
from launcher.core.paths import Workspace
from launcher.core.profiles.chosen import chosen_profile
from launcher.core.profiles.run_profiles import known_profiles, read_run_profile
from launcher.core.running import find_running, read_running
from launcher.core.serving.results import read_results
from launcher.core.settings import change_setting, read_settings
from launcher.core.update.memory import recall, under_way
from launcher.core.update.unfinished import FOLDER, JOURNAL, RECORD, end_unfinished
from tests.fakes.mutations import mutated

COUNT = 300
CONFIG = """# 我的
language = "zh"
theirs = [1, 2]
[mirrors]
packages = "tsinghua"  # 快
[proxy]
address = "http://127.0.0.1:7890"
direct = ["torch", "a.example"]
[downloads]
limit_kib = 100
[models]
linked = ["/x/sd webui"]
""".encode()
PROFILE = b'title = "Mine"\nextends = "local"\nflags = ["--api", "--port", "7861"]\n[environment]\nA = "b"\n'


def refusal(read: Callable[[], object]) -> LauncherError | None:
    try:
        read()
    except LauncherError as error:
        return error
    return None


def settings(workspace: Workspace) -> None:
    error = refusal(lambda: read_settings(workspace))
    assert error is None or error.code == "bad-settings"
    assert error is None or "config.toml" in str(error.message) + str(error.hint)


def profiles(workspace: Workspace) -> None:
    folder = workspace.root / "profiles"
    known_profiles(folder)
    error = refusal(lambda: read_run_profile("mine", folder))
    assert error is None or str(error.message)


def dumped(record: object) -> bytes:
    return json.dumps(record).encode()


def installed(workspace: Workspace) -> None:
    environments.installed(workspace)
    environments.previous(workspace)
    environments.sweep(workspace)
    assert (workspace.environments / "torch-1").is_dir()


def recipe(workspace: Workspace) -> None:
    (workspace.environments / "torch-1" / LOCK).touch()
    read_recipe(workspace.environments / "torch-1")


def updated(workspace: Workspace) -> None:
    recall(workspace.root)
    under_way(workspace.root)


def unfinished(workspace: Workspace) -> None:
    end_unfinished(workspace.root, lambda _: None)


STAMP = {"torch": "2.13.0", "tag": "cpu", "source": "here", "sha256": ["0" * 64], "lock_sha256": "1" * 64,
         "python": "3.11", "verified_at": "2026-11-20T00:00:00+00:00", "interpreter": None, "advice": []}  # fmt: skip
RUNNING = {"pid": 1, "created": 1.5, "profile": "local", "since": "now", "flags": ["--api"], "port": 7860,
           "url": "http://127.0.0.1:7860", "card": []}  # fmt: skip
MENDS = {"mends": [{"number": 1, "name": "word", "at": "now", "changes": [["a", {}, None, "b"]], "undone": None,
                    "record": {"moved": []}}]}  # fmt: skip
MOVED = {"way": "archive", "version_before": "1", "version": "2", "when": "now", "commit_before": "", "commit": "",
         "kept": "before-x", "files": {"a.py": "0" * 64}}  # fmt: skip
RECIPE_OF = {"version": "2.13.0", "build": "2.13.0+cpu", "tag": "cpu", "source": "x", "index": None, "wheel": None,
             "family": {"torch==2.13.0": ["0" * 64]}}  # fmt: skip
RESULTS = {"local": {"at": "now", "outcome": "served", "seconds": 3.5}}


@pytest.mark.parametrize(
    ("name", "data", "use"),
    [
        ("config.toml", CONFIG, settings),
        ("profiles/mine.toml", PROFILE, profiles),
        ("environments/current.json", dumped({"name": "torch-1", "previous": "torch-0", "by_hand": True}), installed),
        (f"environments/torch-1/{environments.STAMP}", dumped(STAMP), installed),
        (f"environments/torch-1/{RECIPE}", dumped(RECIPE_OF), recipe),
        ("state/runtime.json", dumped(RUNNING), lambda workspace: (read_running(workspace), find_running(workspace))),
        ("state/mends.json", dumped(MENDS), lambda workspace: journal.done(Here(workspace, {}))),
        ("state/model-hashes.json", dumped({"hashes": {"/a": [1, 2, "x", "y"]}}),
         lambda workspace: read_known(workspace).of("/a", 1, 2)),
        ("state/run-profile.json", dumped({"name": "local"}), lambda workspace: chosen_profile(workspace, "local")),
        ("state/run-results.json", dumped(RESULTS), read_results),
        ((FOLDER / RECORD).as_posix(), dumped(MOVED), updated),
        ((FOLDER / JOURNAL).as_posix(), dumped(MOVED), unfinished),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)  # fmt: skip
def test_whatever_stands_in_it(tmp_path: Path, name: str, data: bytes, use: Callable[[Workspace], object]) -> None:
    workspace = Workspace(tmp_path / "我的 画图 (新)")
    file = workspace.root / name
    (workspace.environments / "torch-1").mkdir(parents=True)
    for seed in range(COUNT):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"" if seed == 0 else mutated(data, seed))
        try:
            use(workspace)
        except Exception as failure:
            raise AssertionError(f"seed {seed}: {file.read_bytes()[:300]!r}" if file.exists() else seed) from failure


def test_the_state_of_a_download(tmp_path: Path) -> None:
    file = tmp_path / "x.gesso-part.json"
    write_state(file, State("0" * 64, 100, 50, {"a": '"etag"'}, ("a",)))
    data = file.read_bytes()
    for seed in range(COUNT):
        file.write_bytes(mutated(data, seed))
        found = read_state(file)
        assert found is None or found.safe >= 0


def test_settings_that_cannot_be_read_are_set_aside_and_that_is_said(tmp_path: Path) -> None:
    """What the page of settings, `doctor --fix` and the mend do: every byte is kept, and the next choice is taken."""
    broken = 0
    for seed in range(60):
        workspace = Workspace(tmp_path / str(seed))
        workspace.config_file.parent.mkdir(parents=True)
        torn = mutated(CONFIG, seed)
        workspace.config_file.write_bytes(torn)
        if refusal(lambda: read_settings(workspace)) is None:  # noqa: B023 - called at once
            continue
        broken += 1
        events = list(journal.mend(Here(workspace, {}), "settings-aside", {}))
        assert [event.slug for event in events] == ["settings-aside"]
        kept = list(workspace.root.glob("config.toml.broken-*"))
        assert [file.read_bytes() for file in kept] == [torn]
        assert kept[0].name in str(events[0].text)
        change_setting(workspace, "language", "zh")
        assert read_settings(workspace).language == "zh"
    assert broken > 20
