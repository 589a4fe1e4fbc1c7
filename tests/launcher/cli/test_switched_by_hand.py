"""The way back: an environment that the user went to by hand stays until an install says otherwise."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

from launcher.core.environments import environments
from launcher.core.running import status
from tests.launcher.cli.conftest import Gesso


def with_an_older_one(gesso: Gesso) -> str:
    """Beside the current one another, with the packages of an older Gesso."""
    now = environments.current(gesso.workspace)
    assert now is not None
    older = shutil.copytree(now, now.with_name("older"), symlinks=True)
    stamp = environments.read_stamp(older)
    assert stamp is not None
    environments.stamp(older, replace(stamp, lock_sha256="1" * 64))
    return now.name


def missing(gesso: Gesso) -> list[str]:
    return [step["name"] for step in json.loads(gesso.call("plan", "--json").stdout)["steps"]
            if step["state"] == "missing"]  # fmt: skip


def current(gesso: Gesso) -> str:
    folder = environments.current(gesso.workspace)
    assert folder is not None
    return folder.name


def test_up_keeps_it_and_a_plain_install_takes_it_back(gesso: Gesso) -> None:
    newest = with_an_older_one(gesso)
    assert gesso.call("env", "switch", "older").returncode == 0
    plan = gesso.call("plan")
    assert "older was chosen by hand and stays until" in plan.stdout
    assert missing(gesso) == []
    assert gesso.call("up", "--yes", "--detach").returncode == 0
    assert (current(gesso), status(gesso.workspace).state) == ("older", "serving")
    refused = gesso.call("env", "remove", "older", "--yes")
    assert (refused.returncode, (gesso.workspace.environments / "older").is_dir()) == (1, True)
    assert gesso.call("env", "switch", newest).returncode == 0
    drawn_with = gesso.call("env", "remove", "older", "--yes")
    assert drawn_with.returncode == 1
    assert "older is what draws right now" in drawn_with.stderr
    assert gesso.call("stop").returncode == 0
    assert gesso.call("env", "rollback").returncode == 0
    assert current(gesso) == "older"
    assert gesso.call("install", "--yes").returncode == 0
    assert (current(gesso), missing(gesso)) == (newest, [])
    assert not environments.chosen_by_hand(gesso.workspace)


def test_launch_says_what_the_plan_would_take_instead(gesso: Gesso) -> None:
    with_an_older_one(gesso)
    environments.switch(gesso.workspace, gesso.workspace.environments / "older")
    assert missing(gesso) == ["switch"]
    started = gesso.call("launch", "--detach")
    assert started.returncode == 0
    assert "older is started as it is; `gesso up` would bring it up to date." in started.stderr
