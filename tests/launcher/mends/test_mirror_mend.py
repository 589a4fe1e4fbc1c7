"""A mirror that is chosen and dead: another that gives the files is taken; everything on the loopback."""

import hashlib
import os
import re
import shutil
import time

import pytest

from launcher.core.download.door import Patience, Wanted, download
from launcher.core.errors import LauncherError
from launcher.core.events import Downloaded
from launcher.core.mends import journal
from launcher.core.mends.mend import Here
from launcher.core.mends.other_mirror import _kind
from launcher.core.network import mirrors as mirror_list
from launcher.core.network.mirror_choice import addresses, chosen, look_around
from launcher.core.network.mirror_memory import remember
from launcher.core.network.mirror_probe import Measurement
from launcher.core.network.mirror_verdicts import Verdict
from launcher.core.network.mirrors import read_mirrors
from launcher.core.network.routes import find_route
from launcher.core.paths import checkout
from launcher.core.settings import change_setting, read_settings
from tests.fakes.fault_server import FaultServer
from tests.launcher.mends.mending import exhaust, here_in

CONTENT = os.urandom(1 << 20) * 4
FILE = "https://huggingface.co/painter/model/resolve/main/model.safetensors"
ENTRY = '[[{kind}]]\nname = "{name}"\ngroup = "{name}"\nchecked = 2026-11-21\n{place}\n'


@pytest.fixture
def here(tmp_path):
    """A proxy that is not there keeps the official places from being asked; the loopback goes past it."""
    here = here_in(tmp_path, PIP_CONFIG_FILE=os.devnull, GIT_CONFIG_GLOBAL=os.devnull)
    change_setting(here.workspace, "proxy.address", "http://127.0.0.1:9")
    return here


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setattr(mirror_list, "checkout", lambda: tmp_path)
    with FaultServer(CONTENT) as server:
        yield server


def offer(tmp_path, server, **modes):
    """The mirrors of Hugging Face beside the official place, and a sample that they have."""
    text = (checkout() / "mirrors.toml").read_text(encoding="utf-8")
    kept = re.sub(r"\[\[huggingface\]\]\n(?:[^\[\n].*\n|\n)*", "", text)
    digest = hashlib.sha256(CONTENT).hexdigest()
    sample = f'[samples.huggingface]\nurl = "{FILE}"\nbytes = {len(CONTENT)}\nsha256 = "{digest}"\n'
    kept = re.sub(r"\[samples.huggingface\]\n(?:.+\n)*", sample, kept)
    kept = re.sub(r"^seconds = .*", "seconds = 2.0", kept, flags=re.MULTILINE)
    entries = [ENTRY.format(kind="huggingface", name="official", place="official = true")]
    for name, mode in modes.items():
        place = f'url = "{server.url(mode).rstrip("/")}"\nstyle = "endpoint"'
        entries.append(ENTRY.format(kind="huggingface", name=name, place=place))
    (tmp_path / "mirrors.toml").write_text("".join(entries) + kept, encoding="utf-8")


def fetched(here, tmp_path):
    """As a model is fetched."""
    around = look_around(here.workspace, here.environ, ("huggingface",))
    target = tmp_path / "fetched" / "model.safetensors"
    shutil.rmtree(target.parent, ignore_errors=True)
    wanted = Wanted("model", target, addresses(chosen(around, "huggingface"), FILE),
                    size=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())  # fmt: skip
    route = find_route(around.mirrors, read_settings(here.workspace).proxy, here.environ)
    events = list(download(wanted, route=route, patience=Patience(pause=0.05, silence=3.0)))
    return isinstance(events[-1], Downloaded) and target.read_bytes() == CONTENT


@pytest.mark.parametrize("dead", ["500", "captive", "html"])
def test_the_fastest_of_the_others_takes_the_place_of_the_dead_one(here, tmp_path, server, dead):
    offer(tmp_path, server, dead=dead, slow="rate=3000000", fast="no-validator")
    change_setting(here.workspace, "mirrors.huggingface", "dead")
    with pytest.raises(LauncherError):
        fetched(here, tmp_path)
    shown = journal.preview(here, "other-mirror", {"kind": "huggingface"})
    assert [(each.before, each.after) for each in shown.changes] == [("dead", "fast")]
    assert read_settings(here.workspace).mirrors.huggingface == "dead"
    _, mended = exhaust(journal.mend(here, "other-mirror", {"kind": "huggingface"}))
    assert mended.still is None
    assert fetched(here, tmp_path)
    exhaust(journal.undo(here, mended.number))
    assert read_settings(here.workspace).mirrors.huggingface == "dead"
    with pytest.raises(LauncherError):
        fetched(here, tmp_path)


def test_a_slow_one_is_left_and_a_fast_one_is_not(here, tmp_path, server):
    offer(tmp_path, server, slow="rate=150000", fast="no-validator", middling="rate=600000")
    change_setting(here.workspace, "mirrors.huggingface", "slow")
    shown = journal.preview(here, "other-mirror", {"kind": "huggingface"})
    assert [(each.before, each.after) for each in shown.changes] == [("slow", "fast")]
    exhaust(journal.mend(here, "other-mirror", {"kind": "huggingface"}))
    with pytest.raises(LauncherError) as caught:
        journal.preview(here, "other-mirror", {"kind": "huggingface"})
    assert caught.value.code == "cannot-mend"
    assert "fast" in str(caught.value.message)


def test_what_was_well_a_moment_ago_is_measured_again(here, tmp_path, server, monkeypatch):
    """Before it failed it was the fastest."""
    offer(tmp_path, server, dead="500", good="no-validator")
    verdicts = tuple(Verdict(name, name, "ok", rate) for name, rate in (("dead", 9e6), ("good", 1e6)))
    around = look_around(here.workspace, here.environ, ("huggingface",))
    remember(here.workspace, around.network, [Measurement("huggingface", "model", time.time() - 60, verdicts)])
    change_setting(here.workspace, "mirrors.huggingface", "dead")
    _, mended = exhaust(journal.mend(here, "other-mirror", {"kind": "huggingface"}))
    assert mended.still is None
    assert fetched(here, tmp_path)


def test_a_name_that_there_is_no_more_is_replaced_too(here, tmp_path, server):
    offer(tmp_path, server, good="no-validator")
    change_setting(here.workspace, "mirrors.huggingface", "closed-years-ago")
    shown = journal.preview(here, "other-mirror", {"kind": "huggingface"})
    assert [(each.before, each.after) for each in shown.changes] == [("closed-years-ago", "good")]
    exhaust(journal.mend(here, "other-mirror", {"kind": "huggingface"}))
    assert fetched(here, tmp_path)


def test_where_nobody_gives_the_file_nothing_is_changed(here, tmp_path, server):
    offer(tmp_path, server, dead="500", worse="404")
    change_setting(here.workspace, "mirrors.huggingface", "dead")
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.mend(here, "other-mirror", {"kind": "huggingface"}))
    assert caught.value.code == "cannot-mend"
    assert read_settings(here.workspace).mirrors.huggingface == "dead"


def test_a_variable_counts_before_every_setting_and_is_the_users(here, tmp_path, server):
    offer(tmp_path, server, good="no-validator")
    told = Here(here.workspace, {**here.environ, "HF_ENDPOINT": server.url("500")})
    with pytest.raises(LauncherError) as caught:
        journal.preview(told, "other-mirror", {"kind": "huggingface"})
    assert caught.value.code == "cannot-mend"
    assert "HF_ENDPOINT" in str(caught.value.message)


def test_a_choice_of_the_users_own_since_then_stays(here, tmp_path, server):
    offer(tmp_path, server, dead="500", good="no-validator", other="ok")
    change_setting(here.workspace, "mirrors.huggingface", "dead")
    _, mended = exhaust(journal.mend(here, "other-mirror", {"kind": "huggingface"}))
    change_setting(here.workspace, "mirrors.huggingface", "official")
    with pytest.raises(LauncherError) as caught:
        exhaust(journal.undo(here, mended.number))
    assert caught.value.code == "mend-changed-since"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"host": "huggingface.co"}, "huggingface"),
        ({"host": "cdn-lfs-us-1.hf.co"}, "huggingface"),
        ({"host": "cas-bridge.xethub.hf.co"}, "huggingface"),
        ({"host": "HF-Mirror.com"}, "huggingface"),
        ({"host": "github.com"}, "github"),
        ({"host": "objects.githubusercontent.com"}, "github"),
        ({"host": "download.pytorch.org"}, "torch"),
        ({"host": "packages.example"}, "packages"),
        ({"host": "mirrors.cloud.tencent.com"}, "packages"),
        ({}, "packages"),
        ({"slug": "net-git-transfer"}, "github"),
        ({"slug": "net-hf-unreachable"}, "huggingface"),
        ({"slug": "model-clip-tokenizer", "repo": "a/b"}, "huggingface"),
        ({"slug": "net-pip-timeout"}, "packages"),
        ({"slug": "net-unreachable", "host": "github.com"}, "github"),
        ({"kind": "python"}, "python"),
    ],
)
def test_whose_files_a_host_has(values, kind):
    assert _kind(read_mirrors(), values) == kind
