"""Which mirrors count: the user's word, what was measured in this network, groups that fail together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.core.download.door import Address
from launcher.core.errors import LauncherError
from launcher.core.network.mirror_choice import Choice, Circumstances, addresses, chosen, fastest_first, look_around
from launcher.core.network.mirror_memory import FILE, Memory, bench, recall, remember
from launcher.core.network.mirror_probe import Measurement
from launcher.core.network.mirror_told import MirrorTold, mirror_in, told
from launcher.core.network.mirror_verdicts import Verdict
from launcher.core.network.mirror_words import (
    git_base,
    hugging_face_variables,
    package_variables,
    python_variables,
)
from launcher.core.network.mirrors import Kind, Mirror, read_mirrors
from launcher.core.packages.pip_default import default_in, official_index
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.paths import Workspace
from launcher.core.settings import MirrorSettings, change_setting
from launcher.core.text import t

MIRRORS = read_mirrors()
NOW = 1_800_000_000.0
BARE = Circumstances(MIRRORS, MirrorSettings(), {}, Memory())
HOUR = 3600


def measured(kind: str, at: float = NOW - 60, **rates: float | str) -> Measurement:
    """Rates in MB/s, or what was wrong."""
    groups = {mirror.name: mirror.group for mirror in MIRRORS.of(kind.partition(":")[0])}  # type: ignore[arg-type]
    verdicts = [
        Verdict(name, groups[name], fared) if isinstance(fared, str) else Verdict(name, groups[name], "ok", fared * 1e6)
        for name, fared in ((name.replace("_", "-"), fared) for name, fared in rates.items())
    ]
    return Measurement(kind, "gradio 6.31.0", at, tuple(verdicts))


def with_measured(*measurements: Measurement, benched: tuple[tuple[str, str], ...] = ()) -> Circumstances:
    return replace(BARE, memory=Memory(measurements, benched))


def names(choice: Choice) -> list[str]:
    return [mirror.name for mirror in choice.mirrors]


@pytest.mark.parametrize("kind", ["packages", "torch", "huggingface", "modelscope", "github", "python"])
def test_where_nothing_is_known_the_official_place_comes_first_and_others_after_it(kind: Kind) -> None:
    choice = chosen(BARE, kind, now=NOW)
    assert choice.first.official
    assert choice.basis == "official"
    assert set(names(choice)) == {mirror.name for mirror in MIRRORS.of(kind)}
    assert "measured" in str(choice.reason)


def test_the_fastest_first_and_another_group_each_time() -> None:
    around = with_measured(
        measured(
            "packages", tuna=9.0, ustc=8.0, sjtu=7.0, aliyun=3.0, official=0.2, tencent="refused", huawei="stalled"
        )
    )
    choice = chosen(around, "packages", now=NOW)
    assert names(choice) == ["tuna", "aliyun", "official", "cernet", "tencent", "huawei", "ustc", "sjtu"]
    assert choice.basis == "measured"
    assert str(choice.reason) == "Fastest of 5: tuna, 9.0 MB/s, measured in this network 1 min ago."
    groups = [mirror.group for mirror in choice.mirrors]
    assert len(set(groups[:4])) == 4, "whoever fails, the next has another upstream"


def test_of_one_alone_nobody_says_that_it_was_the_fastest() -> None:
    choice = chosen(with_measured(measured("packages", NOW, official=47.7, tuna="refused")), "packages", now=NOW)
    alone = "Only this place gave anything: the official place, 47.7 MB/s, measured in this network just now."
    assert str(choice.reason) == alone


def test_who_lies_is_not_asked_and_who_was_silent_only_when_all_else_has_failed() -> None:
    around = with_measured(measured("huggingface", official="unreachable", hf_mirror=1.0, sukaka="wrong-bytes"))
    assert names(chosen(around, "huggingface", now=NOW)) == ["hf-mirror", "official"]
    dead = with_measured(measured("huggingface", official="unreachable", hf_mirror="busy", sukaka="login-page"))
    choice = chosen(dead, "huggingface", now=NOW)
    assert (names(choice), choice.basis) == (["official", "hf-mirror"], "official")
    assert "None" in str(choice.reason)


def test_each_tag_of_torch_is_measured_by_itself() -> None:
    around = with_measured(measured("torch:cu130", nju=5.0, official=1.0))
    assert names(chosen(around, "torch", "cu130", now=NOW))[0] == "nju"
    assert names(chosen(around, "torch", "cpu", now=NOW))[0] == "official"


def test_a_group_that_failed_is_left_alone_for_a_while() -> None:
    around = with_measured(measured("packages", tuna=9.0, aliyun=3.0, official=1.0), benched=(("packages", "tuna"),))
    choice = chosen(around, "packages", now=NOW)
    assert names(choice)[0] == "aliyun"
    assert names(choice)[-1] in ("tuna", "ustc", "sjtu")
    assert "failed since" in str(choice.reason)
    unmeasured = with_measured(benched=(("packages", "official"),))
    assert "official place has failed" in str(chosen(unmeasured, "packages", now=NOW).reason)


def test_the_users_word_wins_and_leaves_no_other() -> None:
    fast = measured("packages", tuna=9.0, official=1.0)
    by_name = replace(with_measured(fast), settings=MirrorSettings(packages="aliyun"))
    assert (names(chosen(by_name, "packages")), chosen(by_name, "packages").basis) == (["aliyun"], "settings")
    by_address = replace(BARE, settings=MirrorSettings(packages="https://nexus.example/simple"))
    assert chosen(by_address, "packages").first.url == "https://nexus.example/simple"
    official = replace(with_measured(fast), settings=MirrorSettings(packages="official"))
    assert names(chosen(official, "packages")) == ["official"]
    undone = replace(with_measured(fast), settings=MirrorSettings(packages="measured"))
    assert names(chosen(undone, "packages", now=NOW))[0] == "tuna"


@pytest.mark.parametrize("wanted", ["nowhere", "http://m.example", "ftp://m.example/x"])
def test_a_mirror_that_there_is_not(wanted: str) -> None:
    around = replace(BARE, settings=MirrorSettings(packages=wanted))
    with pytest.raises(LauncherError, match="bad-mirror") as failure:
        chosen(around, "packages")
    assert "packages" in str(failure.value)


VARIABLES = [
    ("packages", "PIP_INDEX_URL"), ("packages", "UV_DEFAULT_INDEX"), ("packages", "UV_INDEX_URL"),
    ("huggingface", "HF_ENDPOINT"), ("python", "UV_PYTHON_INSTALL_MIRROR"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), VARIABLES)
def test_a_variable_wins_over_everything(kind: Kind, name: str) -> None:
    said = told(kind, {name: "https://u:secret@own.example/x"}, PipSettings())
    assert said is not None
    around = replace(BARE, settings=MirrorSettings(packages="aliyun"), told={kind: said})
    choice = chosen(around, kind)
    assert (choice.basis, len(choice.mirrors)) == ("variable", 1)
    assert name in str(choice.reason)
    assert "secret" not in str(choice.reason) + choice.first.name


def test_config_toml_wins_over_pips_files_and_these_over_measurements() -> None:
    said = told("packages", {}, PipSettings("https://pip.example/simple"))
    assert said is not None
    around = replace(with_measured(measured("packages", tuna=9.0)), told={"packages": said})
    choice = chosen(around, "packages", now=NOW)
    assert (choice.basis, choice.first.official) == ("configuration", True), "uv is told of pip's files anyway"
    assert "pip.example" in str(choice.reason)
    by_user = replace(around, settings=MirrorSettings(packages="aliyun"))
    assert chosen(by_user, "packages").basis == "settings"
    assert told("packages", {}, PipSettings(no_index=True)) is not None
    assert told("packages", {}, PipSettings(extra_index_urls=("https://x.example",))) is None


def test_git_is_asked_what_it_was_told(tmp_path: Path) -> None:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"), "GIT_CONFIG_SYSTEM": os.devnull}
    assert told("github", environ, PipSettings()) is None
    address = "https://ghfast.example/https://github.com/"
    rule = ["git", "config", "--global", f"url.{address}.insteadOf", "https://github.com/"]
    subprocess.run(rule, env=environ, check=True)
    said = told("github", environ, PipSettings())
    assert said is not None
    assert said.address == address
    choice = chosen(replace(BARE, told={"github": said}), "github")
    assert addresses(choice, "https://github.com/a/b/x.zip")[0].url == f"{address}a/b/x.zip"
    assert told("github", {"PATH": str(tmp_path)}, PipSettings()) is None, "without git"


def test_only_addresses_of_the_web_in_the_place_of_github_count() -> None:
    ssh = ["url.git@github.com:.insteadof https://github.com/", "url.https://m.example/.insteadof https://gitlab.com/"]
    assert mirror_in(ssh) is None
    assert mirror_in([*ssh, "url.https://m.example/.insteadof https://github.com"]) == "https://m.example/"


def test_a_token_goes_to_the_official_place_alone() -> None:
    around = with_measured(measured("huggingface", hf_mirror=5.0, official=1.0))
    choice = chosen(around, "huggingface", now=NOW)
    found = addresses(choice, "https://huggingface.co/a/b/resolve/main/c", "Bearer secret")
    assert [(each.name, each.authorization) for each in found] == [
        ("hf-mirror", None), ("official", "Bearer secret"), ("sukaka", None)
    ]  # fmt: skip
    assert found[0].url == "https://hf-mirror.com/a/b/resolve/main/c"
    assert len({each.group for each in found}) == 3
    said = hugging_face_variables(choice, {"HF_TOKEN": "secret", "HUGGING_FACE_HUB_TOKEN": "secret"})
    assert said == {
        "HF_ENDPOINT": "https://hf-mirror.com", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", "HF_TOKEN": "",
        "HUGGING_FACE_HUB_TOKEN": "",
    }  # fmt: skip
    own = told("huggingface", {"HF_ENDPOINT": "https://own.example"}, PipSettings())
    assert own is not None
    by_variable = chosen(replace(BARE, told={"huggingface": own}), "huggingface")
    assert hugging_face_variables(by_variable, {"HF_TOKEN": "x"}) == {}, "the user named both"


@pytest.mark.parametrize("by", ["ghfast", "https://own.example/", "told", None])
@pytest.mark.parametrize(
    "secret",
    [
        "https://me:ghp_s3cret@github.com/a/b/releases/download/c/d",
        "https://raw.githubusercontent.com/a/b?token=s3cret",
    ],
)
def test_an_address_with_a_secret_goes_to_the_official_place_alone(by: str | None, secret: str) -> None:
    around = replace(with_measured(measured("github", ghfast=5.0)), settings=MirrorSettings(github=by))
    if by == "told":
        rule = Mirror("m", "m", None, url="https://m.example/", style="prefix")
        around = replace(BARE, told={"github": MirrorTold("https://m.example/", t("git"), False, rule)})
    found = addresses(chosen(around, "github", now=NOW), secret, "Bearer s3cret")
    assert [(each.url, each.name, each.authorization) for each in found] == [(secret, "official", "Bearer s3cret")]


def test_a_rule_of_git_for_github_says_nothing_of_its_other_host() -> None:
    rule = Mirror("m.example", "own:m", None, url="https://m.example/", style="endpoint")
    said = chosen(replace(BARE, told={"github": MirrorTold("https://m.example/", t("git"), False, rule)}), "github")
    raw = "https://raw.githubusercontent.com/a/b/main/c"
    assert [each.url for each in addresses(said, raw)] == [raw]
    assert [each.url for each in addresses(said, "https://github.com/a/b")] == ["https://m.example/a/b"]


def test_of_one_file_at_several_hosts_the_fastest_comes_first() -> None:
    around = with_measured(
        measured("huggingface", official="unreachable", hf_mirror=1.0),
        measured("modelscope", official=5.0),
        benched=(("github", "ghfast"),),
    )
    kinds: list[tuple[Kind | None, str, str]] = [
        ("huggingface", "official", "official"), ("huggingface", "hf-mirror", "hf-mirror"), (None, "civitai.com", ""),
        ("modelscope", "official", "official"), ("github", "ghfast", "ghfast"), ("huggingface", "sukaka", "sukaka"),
    ]  # fmt: skip
    found = [
        (kind, Address(f"https://{number}.example", group, name)) for number, (kind, name, group) in enumerate(kinds)
    ]
    assert [each.url[8] for each in fastest_first(around, found)] == ["3", "1", "2", "5", "0", "4"]


def test_official_means_that_nothing_is_said() -> None:
    for kind in ("packages", "huggingface", "github", "python"):
        choice = chosen(BARE, kind, now=NOW)  # type: ignore[arg-type]
        assert package_variables(choice) == hugging_face_variables(choice, {}) == python_variables(choice.first) == {}


def test_how_a_choice_is_said() -> None:
    git = chosen(replace(BARE, settings=MirrorSettings(github="ghfast")), "github")
    assert git_base(git.first) == "https://ghfast.top/https://github.com/"
    packages = chosen(replace(BARE, settings=MirrorSettings(packages="aliyun")), "packages")
    aliyun = "https://mirrors.aliyun.com/pypi/simple"
    assert package_variables(packages) == {"PIP_INDEX_URL": aliyun, "UV_DEFAULT_INDEX": aliyun}
    python = chosen(replace(BARE, settings=MirrorSettings(python="nju")), "python")
    assert python_variables(python.first)["UV_PYTHON_INSTALL_MIRROR"].startswith("https://mirror.nju.edu.cn/")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "我的 画图 (新)")


TERMS = MIRRORS.measuring


def test_what_was_measured_counts_in_its_network_for_its_time(workspace: Workspace) -> None:
    home, cafe = "a" * 16, "b" * 16
    first = measured("packages", at=NOW, tuna=9.0, official="stalled")
    remember(workspace, home, [first, measured("torch:cpu", at=NOW, nju=1.0)])
    remember(workspace, cafe, [measured("packages", at=NOW, official=2.0)])
    assert recall(workspace, home, TERMS, NOW + 60).measured("packages") == first
    assert recall(workspace, home, TERMS, NOW + 60).measured("torch:cpu") is not None
    assert recall(workspace, "c" * 16, TERMS, NOW + 60) == Memory()
    assert recall(workspace, home, TERMS, NOW + TERMS.hours * HOUR + 1) == Memory()
    assert recall(workspace, home, TERMS, NOW - HOUR) == Memory(), "the clock was set back"
    later = measured("packages", at=NOW + HOUR, tuna="refused", official=1.0)
    remember(workspace, home, [later])
    assert recall(workspace, home, TERMS, NOW + HOUR).measured("packages") == later
    remember(workspace, home, [measured("packages", at=NOW + 2 * HOUR, aliyun=4.0)])
    both = recall(workspace, home, TERMS, NOW + 2 * HOUR).measured("packages")
    assert both is not None
    assert [each.name for each in both.ranking] == ["aliyun", "official"], "one alone was measured again"
    assert both.at == NOW + HOUR
    assert home not in str(workspace.root)


def test_a_failure_counts_until_its_time_is_over_or_it_fares_well_again(workspace: Workspace) -> None:
    bench(workspace, "n", "packages", "tuna", TERMS)
    bench(workspace, "n", "packages", "tuna", TERMS)
    bench(workspace, "n", "torch:cpu", "nju", TERMS)
    found = recall(workspace, "n", TERMS)
    assert found.benched_groups("packages") == {"tuna"}
    assert found.benched_groups("torch:cpu") == {"nju"}
    assert recall(workspace, "n", TERMS, NOW + 10**9).benched == ()
    assert len(json.loads((workspace.state / FILE).read_text())["networks"]["n"]["benched"]) == 2
    remember(workspace, "n", [measured("packages", ustc=3.0)])
    assert recall(workspace, "n", TERMS).benched_groups("packages") == frozenset(), "one of its group answered"


def test_only_the_last_networks_are_kept(workspace: Workspace) -> None:
    for number in range(20):
        bench(workspace, str(number), "packages", "tuna", TERMS)
    assert list(json.loads((workspace.state / FILE).read_text())["networks"]) == [str(n) for n in range(4, 20)]


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"networks": 3}', '{"networks": {"n": []}}', '{"networks": {"n": {"measured": [3, {}, {"key": 1}]}}}',
     '{"networks": {"n": {"measured": [{"key": "packages", "sample": "x", "at": "y", "verdicts": []}], "benched": 3}}}',
     '{"networks": {"n": {"measured": [{"key": "k", "sample": "x", "at": 1, "verdicts": [{"name": "a"}]}]}}}'],
)  # fmt: skip
def test_a_state_file_that_says_nothing_useful_is_no_memory(workspace: Workspace, content: str) -> None:
    workspace.state.mkdir(parents=True)
    (workspace.state / FILE).write_text(content)
    assert recall(workspace, "n", TERMS, 10.0) == Memory()
    bench(workspace, "n", "packages", "tuna", TERMS)
    assert recall(workspace, "n", TERMS).benched_groups("packages") == {"tuna"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="this user may write anywhere")
def test_where_nothing_can_be_written_nothing_is_remembered_and_nothing_breaks(workspace: Workspace) -> None:
    workspace.root.mkdir()
    workspace.root.chmod(0o500)
    bench(workspace, "n", "packages", "tuna", TERMS)
    workspace.root.chmod(0o700)


def test_looking_around_reads_everything_and_asks_nobody(workspace: Workspace) -> None:
    change_setting(workspace, "mirrors.github", "ghfast")
    environ = {**os.environ, "HF_ENDPOINT": "https://own.example", "PIP_CONFIG_FILE": os.devnull}
    environ = {name: value for name, value in environ.items() if not name.startswith(("UV_", "PIP_INDEX"))}
    around = look_around(workspace, environ)
    assert chosen(around, "github").first.name == "ghfast"
    assert chosen(around, "huggingface").basis == "variable"
    assert chosen(around, "packages").basis == "official"
    assert len(around.network) == 16


def test_pip_and_uv_tell_their_default() -> None:
    """In the words of pip 23 and of uv 0.13."""
    pip = "  -i, --index-url <url>  Base URL of the Package Index (default\n   https://official.example/simple). This"
    uv = "      --default-index <DEFAULT_INDEX>\n   The default package index (by default: <https://official.example/simple>)."
    assert default_in(pip) == default_in(uv) == "https://official.example/simple"
    assert default_in("--index-url <url>  Base URL") is None
    assert default_in("") is None


def test_the_engine_is_told_of_the_mirror_that_was_chosen(workspace: Workspace) -> None:
    from launcher.core.serving.command_line import CommandLine
    from launcher.core.serving.launch import _variables

    change_setting(workspace, "mirrors.huggingface", "hf-mirror")
    environ = {**os.environ, "HOME": str(workspace.root), "HF_TOKEN": "secret"}
    environ = {name: value for name, value in environ.items() if not name.startswith(("HF_E", "PIP_", "UV_"))}
    told_so = _variables(workspace, CommandLine((), {}), environ)
    assert (told_so["HF_ENDPOINT"], told_so["HF_TOKEN"]) == ("https://hf-mirror.com", "")
    assert "PIP_INDEX_URL" not in told_so
    change_setting(workspace, "mirrors.packages", "aliyun")
    assert "aliyun" in _variables(workspace, CommandLine((), {}), environ)["PIP_INDEX_URL"]
    own = _variables(workspace, CommandLine((), {"HF_ENDPOINT": "https://own.example"}), environ)
    assert (own["HF_ENDPOINT"], own["HF_TOKEN"]) == ("https://own.example", "secret"), "the run profile names both"


def test_the_official_index_is_the_one_that_pip_has_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://own.example/simple")
    asked = [sys.executable, "-c", "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"]
    built_in = subprocess.run(asked, capture_output=True, text=True, check=False)
    if built_in.returncode:
        pytest.skip("no pip here")
    official_index.cache_clear()
    assert official_index() == built_in.stdout.strip().rstrip("/")


def test_a_variable_that_names_no_address_is_said_where_it_is_asked() -> None:
    said = told("huggingface", {"HF_ENDPOINT": "nonsense"}, PipSettings())
    assert said is not None
    choice = chosen(replace(BARE, told={"huggingface": said}), "huggingface")
    with pytest.raises(LauncherError, match="HF_ENDPOINT"):
        addresses(choice, "https://huggingface.co/a/b/resolve/main/c")
