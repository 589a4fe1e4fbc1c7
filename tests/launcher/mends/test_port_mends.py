"""Ports that others hold, and servers that were left running: caused with real sockets and processes, and mended."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.core.errors import LauncherError
from launcher.core.mends import journal
from launcher.core.mends.end_orphan import is_ours, orphans
from launcher.core.mends.mend import Here
from launcher.core.paths import Workspace, child_environment
from launcher.core.plan.options import Options
from launcher.core.ports import is_free
from launcher.core.process import alive, created, end_tree
from launcher.core.profiles.files import save_profile
from launcher.core.profiles.run_profiles import RunProfile, read_run_profile
from launcher.core.running import RECORD, find_running, stop
from launcher.core.serving.command_line import complete
from launcher.core.serving.launch import launch
from tests.launcher.core_act.test_launch import PLAN
from tests.launcher.core_act.workshop import with_fake_engine
from tests.launcher.mends.mending import exhaust


@pytest.fixture
def here(tmp_path):
    found = Here(
        Workspace(tmp_path / "我的 space"), {**os.environ, "COMMANDLINE_ARGS": "", "PIP_CONFIG_FILE": os.devnull}
    )
    with_fake_engine(found.workspace)
    yield found
    stop(found.workspace)


@pytest.fixture
def taken():
    """A port that somebody else holds."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


def start(here, profile):
    """As `gesso up --profile`; the port that it serves at."""
    read = read_run_profile(profile, here.workspace.root / "profiles")
    options = complete(Options(profile=profile, detach=True), read, here.environ, here.workspace)
    list(launch(here.workspace, options, PLAN, environ=here.environ))
    return find_running(here.workspace).port


def refused(here, profile):
    with pytest.raises(LauncherError) as caught:
        start(here, profile)
    return caught.value.code == "port-taken"


def profile_of(here, name, **said):
    return save_profile(here.workspace.root / "profiles", name, RunProfile(**said))


@pytest.mark.parametrize("how", ["port", "flag", "joined", "inherited"])
def test_the_profile_gets_the_next_free_port_and_starts(here, taken, how):
    said = {
        "port": {"port": taken},
        "flag": {"flags": ("--xformers", "--port", str(taken), "--api")},
        "joined": {"flags": (f"--port={taken}",)},
        "inherited": {"extends": "below"},
    }[how]
    if how == "inherited":
        profile_of(here, "below", port=taken)
    file = profile_of(here, "mine", title="Mine", **said)
    before = file.read_bytes()
    assert refused(here, "mine")
    values = {"profile": "mine", "port": str(taken)}
    shown = journal.preview(here, "next-port", values)
    (change,) = shown.changes
    assert change.before == str(taken)
    assert is_free(int(change.after or 0), "127.0.0.1")
    assert file.read_bytes() == before
    _, mended = exhaust(journal.mend(here, "next-port", values))
    assert mended.still is None
    assert start(here, "mine") == int(change.after or 0)
    stop(here.workspace)
    exhaust(journal.undo(here, mended.number))
    assert file.read_bytes() == before
    assert refused(here, "mine")


def test_a_profile_that_came_with_gesso_gets_one_of_the_users_own_beside_it(here, taken, monkeypatch):
    shipped = here.workspace.root / "shipped"
    shipped.mkdir()
    (shipped / "fixed.toml").write_text(f'title = "Fixed"\nwhy = "x"\nport = {taken}\n')
    for module in ("run_profiles", "files"):
        monkeypatch.setattr(f"launcher.core.profiles.{module}.shipped_folder", lambda: shipped)
    assert refused(here, "fixed")
    _, mended = exhaust(journal.mend(here, "next-port", {"profile": "fixed"}))
    assert mended.still is None
    own = here.workspace.root / "profiles" / "fixed.toml"
    assert own.exists()
    assert start(here, "fixed") != taken
    stop(here.workspace)
    exhaust(journal.undo(here, mended.number))
    assert not own.exists()


def test_a_port_that_the_user_has_changed_since_stays(here, taken):
    file = profile_of(here, "mine", port=taken)
    _, mended = exhaust(journal.mend(here, "next-port", {"profile": "mine"}))
    profile_of(here, "mine", port=50_000)
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.undo(here, mended.number))
    assert caught.value.code == "mend-changed-since"
    assert "50000" in file.read_text()


def test_there_is_nothing_to_mend_where_the_port_is_free_or_another_is_meant(here, taken):
    profile_of(here, "mine", port=taken)
    profile_of(here, "none", title="No port")
    assert journal.preview(here, "next-port", {"profile": "none"}) is None
    assert journal.preview(here, "next-port", {"profile": "mine", "port": "1"}) is None


def test_a_port_in_the_users_own_variable_is_said(here, taken):
    profile_of(here, "mine", title="x")
    told = Here(here.workspace, {**here.environ, "COMMANDLINE_ARGS": f"--port {taken}"})
    with pytest.raises(LauncherError) as caught:
        journal.preview(told, "next-port", {"profile": "mine"})
    assert caught.value.code == "cannot-mend"
    assert "COMMANDLINE_ARGS" in str(caught.value.message)


# --- end-orphan


def test_a_server_that_nobody_knows_any_more_is_ended_and_its_port_is_free_again(here, taken):
    free = next(port for port in range(taken + 1, taken + 100) if is_free(port, "127.0.0.1"))
    profile_of(here, "mine", port=free)
    start(here, "mine")
    left = find_running(here.workspace)
    # A launcher that was killed while it wrote, or a folder `state` that somebody has emptied.
    (here.workspace.state / RECORD).unlink()
    assert refused(here, "mine")
    shown = journal.preview(here, "end-orphan", {})
    assert [str(left.pid) in str(each.what) for each in shown.changes] == [True]
    assert alive(left.pid, left.created)
    _, mended = exhaust(journal.mend(here, "end-orphan", {}))
    assert mended.still is None
    assert not alive(left.pid, left.created)
    assert start(here, "mine") == free
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.undo(here, mended.number))
    assert caught.value.code == "mend-final"


def test_a_server_that_is_known_is_no_orphan_and_neither_are_its_children(here):
    profile_of(here, "mine", flags=("--fake=child",))
    start(here, "mine")
    assert orphans(here.workspace) == ()
    assert journal.preview(here, "end-orphan", {}) is None


@pytest.fixture
def spawn(here, tmp_path):
    """Starts a real Python by the path of an environment, with programs of our names that only wait."""
    package = tmp_path / "stand-in" / "runtime"
    package.mkdir(parents=True)
    for name in ("__init__", "worker", "prove"):
        (package / f"{name}.py").write_text("" if name == "__init__" else "import time\ntime.sleep(60)\n")
    started = []

    def begin(workspace, *words, **more):
        python = workspace.environments / "drawn" / "bin" / "python"
        if not python.exists():
            python.parent.mkdir(parents=True)
            shutil.copy(Path(sys.executable).resolve(), python) if os.name == "nt" else python.symlink_to(
                sys.executable
            )
        environ = {**child_environment(workspace, os.environ), **more}
        child = subprocess.Popen([str(python), *words], cwd=package.parent, env=environ, start_new_session=True)
        started.append((child, created(child.pid)))
        return child

    yield begin
    for child, since in started:
        if since is not None and child.poll() is None:
            end_tree(child.pid, grace=0.1, child=child)


def test_only_what_is_ours_is_ended(here, tmp_path, spawn):
    worker = spawn(here.workspace, "-m", "runtime.worker")
    # The user's own program, run by the same Python; another workspace's worker; one that was not started by a Gesso.
    users = spawn(here.workspace, "-c", "import time; time.sleep(60)")
    others = spawn(Workspace(tmp_path / "other"), "-m", "runtime.worker")
    by_hand = spawn(here.workspace, "-m", "runtime.worker", TMPDIR=str(tmp_path))
    assert [each.pid for each in orphans(here.workspace)] == [worker.pid]
    _, mended = exhaust(journal.mend(here, "end-orphan", {}))
    worker.wait(10)
    assert mended.still is None
    assert [each.poll() for each in (users, others, by_hand)] == [None] * 3


def test_what_a_living_launcher_waits_for_is_no_orphan(here, tmp_path, spawn):
    """An install that proves its environment just now."""
    python = here.workspace.environments / "drawn" / "bin" / "python"
    launcher = tmp_path / "stand-in" / "launcher.py"
    ends = spawn(here.workspace, "-c", "")
    ends.wait(10)
    launcher.write_text(
        "import subprocess, sys\n"
        f"child = subprocess.Popen([{str(python)!r}, '-m', 'runtime.prove'])\n"
        "print('there', flush=True)\nchild.wait()\n"
    )
    environ = child_environment(here.workspace, os.environ)
    above = subprocess.Popen([sys.executable, "-m", "launcher"], cwd=launcher.parent, env=environ,
                             stdout=subprocess.PIPE, start_new_session=True)  # fmt: skip
    try:
        assert above.stdout.readline().strip() == b"there"
        assert orphans(here.workspace) == ()
        above.kill()
        above.wait()
        assert len(orphans(here.workspace)) == 1
        exhaust(journal.mend(here, "end-orphan", {}))
        assert orphans(here.workspace) == ()
    finally:
        above.kill()
        above.wait()
        above.stdout.close()


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (["{environments}/e/bin/python", "-m", "runtime", "--events"], True),
        (["/usr/bin/python3", "-m", "runtime", "--data-dir", "{root}"], True),
        (["/usr/bin/python3", "-m", "runtime", "--data-dir", "{root}2"], False),
        (["{environments}/e/bin/python", "-m", "pip", "list"], False),
        (["{environments}2/e/bin/python", "-m", "runtime"], False),
        (["/usr/bin/python3", "-m", "runtime"], False),
        ([], False),
    ],
)
def test_whose_a_command_line_is(tmp_path, words, ours):
    workspace = Workspace(tmp_path)
    filled = [word.format(environments=workspace.environments, root=workspace.root) for word in words]
    assert is_ours(filled, workspace) is ours
