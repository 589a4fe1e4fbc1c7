"""`gesso mirrors` as a user calls it: listed, measured on the loopback, chosen, shown, taken back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from launcher.cli import main
from launcher.core.errors import LauncherError
from launcher.core.network.mirror_choice import Circumstances
from launcher.core.network.mirror_memory import Memory
from launcher.core.network.mirror_samples import sample_of_url
from launcher.core.network.mirror_survey import places_named
from launcher.core.network.mirrors import read_mirrors
from launcher.core.paths import Workspace
from launcher.core.settings import MirrorSettings
from tests.fakes.fault_server import FaultServer
from tests.launcher.cli.conftest import Gesso

FILE = "https://huggingface.co/owner/model/resolve/main/model.safetensors"
ENTRY = '[[{kind}]]\nname = "{name}"\ngroup = "{name}"\nchecked = 2026-11-21\nurl = "{url}"\nstyle = "{style}"\n'


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer(bytes(range(256)) * 2000) as server:
        yield server


def own(gesso: Gesso, server: FaultServer, kind: str, style: str, **modes: str) -> None:
    gesso.workspace.root.mkdir(parents=True, exist_ok=True)
    entries = [
        ENTRY.format(kind=kind, name=name, url=server.url(mode).rstrip("/"), style=style)
        for name, mode in modes.items()
    ]
    (gesso.workspace.root / "mirrors.toml").write_text("\n".join(entries))


def answered(gesso: Gesso, *words: str, **more: str) -> dict[str, Any]:
    done = gesso.call(*words, "--json", **more)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_measured_ranked_remembered_and_said(bare: Gesso, server: FaultServer) -> None:
    modes = {"slowish": "rate=900000", "fast": "ok", "banned": "403", "page": "html"}
    own(bare, server, "huggingface", "endpoint", **modes)
    words = ("mirrors", "test", "huggingface", "--file", FILE, "--only", ",".join(modes))
    told = bare.call(*words)
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert "model.safetensors" in lines[0]
    assert [line.split()[0] for line in lines[1:3]] == ["fast", "slowish"]
    assert "refuses this computer (403)" in told.stdout
    assert "web page" in told.stdout
    results = answered(bare, *words)["measurements"][0]["results"]
    assert {each["name"]: each["slug"] for each in results} == {
        "slowish": "ok", "fast": "ok", "banned": "refused", "page": "login-page"
    }  # fmt: skip
    choice = answered(bare, "mirrors", "show", "huggingface")["kinds"]["huggingface"]
    assert (choice["name"], choice["basis"]) == ("fast", "measured")
    assert choice["order"][:3] == ["fast", "slowish", "official"]
    assert "MB/s" in choice["reason"]
    listed = answered(bare, "mirrors", "list", "huggingface")["kinds"]["huggingface"]
    assert [each["name"] for each in listed if each["chosen"]] == ["fast"]
    assert next(each for each in listed if each["name"] == "banned")["measured"]["slug"] == "refused"
    chinese = bare.call("--lang", "zh", *words).stdout
    assert "refuses" not in chinese


def test_the_very_python_that_uv_would_fetch_is_asked_for(bare: Gesso, server: FaultServer) -> None:
    own(bare, server, "python", "release-folder", mine="ok")
    found = answered(bare, "mirrors", "test", "python", "--only", "mine")["measurements"][0]
    assert found["file"].startswith("cpython-3.")
    assert found["results"][0]["slug"] == "ok"
    asked = [request.path for request in server.requests if "cpython" in request.path]
    assert asked
    assert asked[0].count("/") == 1, "the release's folder and the file"


@dataclass
class Here:
    """The verb in this very process, which is faster than one of its own for each call."""

    workspace: Workspace
    capsys: pytest.CaptureFixture[str]

    def says(self, *words: str) -> str:
        assert main(["mirrors", *words, "--root", str(self.workspace.root), "--lang", "en"], lambda *_: 0) == 0
        return self.capsys.readouterr().out

    def answers(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.says(*words, "--json"))
        return found


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return Here(Workspace(tmp_path / "我的 画图 (新)"), capsys)


def test_a_choice_is_kept_shown_and_taken_back(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    assert here.answers("use", "packages", "aliyun")["choice"]["order"] == ["aliyun"]
    assert "aliyun" in here.workspace.config_file.read_text()
    shown = here.answers("show")["kinds"]
    assert (shown["packages"]["basis"], shown["torch"]["basis"]) == ("settings", "official")
    with monkeypatch.context() as said:
        said.setenv("PIP_INDEX_URL", "https://u:secret@own.example/simple")
        stronger = here.says("use", "packages", "tuna")
    assert "PIP_INDEX_URL" in stronger
    assert "secret" not in stronger
    assert here.answers("use", "packages", "measured")["choice"]["basis"] == "official"
    assert "packages" not in here.workspace.config_file.read_text()


def test_git_is_told_only_when_asked_and_gets_back_what_it_had(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "gitconfig"
    before = '[user]\n\tname = 我\n[url "https://mine.example/"]\n\tinsteadOf = https://gitlab.com/\n'
    file.write_text(before)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(file))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    here.answers("use", "github", "ghfast")
    assert file.read_text() == before
    for name in ("ghfast", "gh-proxy"):
        assert here.answers("use", "github", name, "--for-git")["notes"]
    assert file.read_text().count("https://github.com/") == 2, "one rule of ours at a time"
    assert "gh-proxy.com" in file.read_text()
    assert "ghfast" not in file.read_text()
    assert here.answers("use", "github", "gh-proxy")["notes"] == []
    assert "gh-proxy.com" in file.read_text(), "the same choice again"
    assert "gh-proxy.com" in here.answers("use", "github", "ghfast")["notes"][0]
    assert file.read_text() == before, "another choice is not said to git unasked"
    here.answers("use", "github", "gh-proxy", "--for-git")
    here.answers("use", "github", "official")
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("use", "packages", "nowhere"), 1, "aliyun"),
        (("use", "packages", "http://public.example/simple"), 1, "https://"),
        (("use", "npm", "x"), 2, "huggingface"),
        (("use", "packages"), 2, "NAME"),
        (("use", "packages", "aliyun", "--for-git"), 2, "github"),
        (("list", "😀"), 2, "packages"),
        (("test", "--file", "https://elsewhere.example/x"), 2, "huggingface"),
        (("test", "github", "--file", "https://github.com/a", "--only", "nobody"), 1, "ghfast"),
        (("test", "huggingface", "--file", "http://[::1"), 2, "https://"),
        (("test", "huggingface", "--file", "https://huggingface.co/a b"), 2, "https://"),
        (("use", "packages", "https://a b/c"), 1, "no address"),
        (("use", "packages", "user:s3cret@host"), 1, "***@host"),
        ((), 2, "show"),
        (("frob",), 2, "test"),
    ],
)
def test_nonsense_has_its_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    assert main(["mirrors", *words, "--root", str(tmp_path), "--lang", "en"], lambda *_: 0) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "config.toml").exists()


def test_a_config_file_that_is_not_right_is_named(bare: Gesso) -> None:
    bare.workspace.root.mkdir(parents=True)
    bare.workspace.config_file.write_text("[mirrors]\npackages = 3\n")
    done = bare.call("mirrors", "show")
    assert done.returncode == 1
    assert "mirrors.packages" in done.stderr
    assert str(bare.workspace.config_file) in done.stderr


@pytest.fixture
def gitconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    return tmp_path / "gitconfig"


RULE = '[url "https://ghfast.top/https://github.com/"]\n\tinsteadOf = https://github.com/\n'


def test_a_rule_of_the_users_own_stays_his(here: Here, gitconfig: Path) -> None:
    gitconfig.write_text(RULE)
    here.answers("use", "github", "ghfast", "--for-git")
    assert gitconfig.read_text() == RULE, "it says the same already"
    here.answers("use", "github", "official", "--for-git")
    assert gitconfig.read_text() == RULE


def test_of_two_rules_that_say_the_same_one_is_the_users(here: Here, gitconfig: Path) -> None:
    here.answers("use", "github", "ghfast", "--for-git")
    assert gitconfig.read_text() == RULE
    gitconfig.write_text(RULE + RULE.splitlines()[1] + "\n")
    here.answers("use", "github", "official")
    assert gitconfig.read_text().count("insteadOf") == 1


def test_a_rule_that_git_refused_is_not_remembered(here: Here, gitconfig: Path) -> None:
    gitconfig.write_text("[broken")
    words = ("mirrors", "use", "github", "ghfast", "--for-git")
    assert main([*words, "--root", str(here.workspace.root)], lambda *_: 0) == 1
    assert not (here.workspace.state / "git-mirror.json").exists()
    assert not here.workspace.config_file.exists(), "nothing is half chosen"


def test_no_password_is_written_into_gits_configuration(
    here: Here, gitconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("mirrors", "use", "github", "https://me:s3cret@m.example/", "--for-git")
    assert main([*words, "--root", str(here.workspace.root)], lambda *_: 0) == 1
    assert "s3cret" not in "".join(capsys.readouterr())
    assert not gitconfig.exists()
    assert not here.workspace.config_file.exists()


def test_an_address_that_counts_is_listed_with_its_star(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    here.answers("use", "huggingface", "https://me:s3cret@own.example/hf")
    line = next(line for line in here.says("list", "huggingface").splitlines() if line.strip().startswith("*"))
    assert "https://***@own.example/hf" in line
    assert [each["address"] for each in here.answers("list")["kinds"]["huggingface"] if each["chosen"]] == [
        "https://***@own.example/hf"
    ]
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:s3cret@pip.example/simple")
    assert "* https://***@pip.example/simple" in here.says("list", "packages")


def test_a_choice_that_is_gone_does_not_hide_the_others(here: Here) -> None:
    here.workspace.root.mkdir(parents=True)
    here.workspace.config_file.write_text('[mirrors]\ngithub = "gone"\npackages = "OFFICIAL"\n')
    assert "aliyun" in here.says("list")
    assert 'no mirror "gone" for github' in here.says("list", "github")
    assert here.answers("show", "packages")["kinds"]["packages"]["name"] == "official"
    here.answers("use", "github", "MEASURED")
    assert "gone" not in here.workspace.config_file.read_text()


def test_a_file_that_nobody_has_spoils_nothing(bare: Gesso, server: FaultServer) -> None:
    own(bare, server, "huggingface", "endpoint", good="ok", gone="404")
    words = ("mirrors", "test", "huggingface", "--file", FILE, "--only")
    assert bare.call(*words, "good").returncode == 0
    before = (bare.workspace.state / "mirrors.json").read_bytes()
    failed = bare.call(*words, "gone", "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["measurements"][0]["results"][0]["usable"] is False
    assert (bare.workspace.state / "mirrors.json").read_bytes() == before


def test_a_name_that_one_kind_has_is_measured_there_alone() -> None:
    around = Circumstances(read_mirrors(), MirrorSettings(), {}, Memory())
    wanted = [sample_of_url("github", "https://github.com/a"), sample_of_url("huggingface", FILE)]
    found = places_named(around, wanted, ["ghfast", "hf-mirror", "official"])
    assert {kind: [each.name for each in places] for kind, places in found.items()} == {
        "github": ["ghfast", "official"], "huggingface": ["hf-mirror", "official"]
    }  # fmt: skip
    with pytest.raises(LauncherError, match="bad-mirror"):
        places_named(around, wanted, ["nobody"])
