"""Workspaces where people really keep them: every verb works there or refuses in a sentence with a code."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path

import pytest

from launcher.__main__ import main
from launcher.core import file_lock
from launcher.core.file_lock import only_one
from launcher.core.paths import child_environment, engine_environment, find_workspace, is_device, unusable
from launcher.core.process import Exit, Output, run
from launcher.core.settings import read_settings

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="most of these names exist on Linux and macOS alone")

NAMES = {
    "space": "my pictures",
    "chinese and brackets": "我的 画图 (新)",
    "emoji": "🎨🖌️",
    "200 characters": "x" * 200,
    "80 chinese characters": "画" * 80,
    "30 folders deep": "/".join(f"d{number}" for number in range(30)),
    "a quote": "it's",
    "two quotes": 'the "new" one',
    "leading dash": "-rf",
    "like an option": "--root",
    "percent": "100%done %s %(x)s",
    "like a template": "{x} {0} {",
    "trailing point": "dot.",
    "trailing space": "space ",
    "leading space": " x",
    "a combining mark": "e\u0301",
    "the same composed": "\u00e9",
    "backslash": "a\\b",
    "line end": "a\nb",
    "tab": "a\tb",
    "stars": "a*b?",
    "colon": "a:b",
    "pipe": "<a|b>",
    "shell": "a;b&c $(x) `y` $HOME",
    "hash": "#x",
    "tilde": "~nobody-here",
    "right to left": "שלום",
    "joiner": "a\u200db",
    "full width": "Ａ／Ｂ",
    "device of Windows": "con",
    "not UTF-8": "\udcff",
    "equals": "a=b",
    "markup": "[bold]x[/bold]",
    "escaped": "%2e%2e",
    "hidden": ".hidden",
    "comma": "a,b",
    "upwards": "a/../b",
    "twice the slash": "a//b",
    "link to a folder": "link",
    "bell": "a\ab",
}
REFUSED = {
    "a file": ("file", "root-not-usable"),
    "below a file": ("file/below", "root-not-usable"),
    "dangling link": ("dangling", "root-not-usable"),
    "link in a circle": ("loop", "root-not-usable"),
    "300 characters": ("x" * 300, "root-not-usable"),
    "6,000 characters": ("/".join(["y" * 200] * 30), "root-not-usable"),
    "zero": ("a\0b", "root-not-usable"),
    "a device": ("/dev/null", "root-not-usable"),
    "nobody's home": ("~no-such-user-here/x", "no-such-user"),
}
#: where folders can be looked for but not made, root or not
UNWRITABLE = [each for each in ("/proc/gesso", "/sys/gesso") if sys.platform == "linux"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr("launcher.core.network.proxies.ask_system", lambda environ: ())
    (tmp_path / "file").write_text("x")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere/at all")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], root: str, *words: str) -> tuple[int, dict[str, object]]:
    """Exit code and the one JSON object; no traceback, no other line."""
    code = main([*words, f"--root={root}", "--json"])
    found = capsys.readouterr()
    assert "Traceback" not in found.err
    answer: dict[str, object] = json.loads(found.out)
    return code, answer


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_everything_works_in_a_workspace_named(place: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    root = os.path.join(place, name)  # noqa: PTH118 - as it is typed
    code, machine = said(capsys, root, "hardware")
    assert code == 0
    assert machine["disk_free_mib"]
    assert machine["workspace_writable"] is True
    code, plan = said(capsys, root, "plan")
    assert code == 0
    assert plan["steps"]
    assert said(capsys, root, "proxy", "set", "127.0.0.1:7890")[0] == 0
    assert said(capsys, root, "proxy", "show")[1]["source"] == "settings"
    assert said(capsys, root, "status")[1]["state"]
    workspace = find_workspace(root, {})
    assert read_settings(workspace).proxy.address == "http://127.0.0.1:7890"
    assert str(workspace.root) == os.path.abspath(root)  # noqa: PTH100
    # the same, said by a person
    assert main(["plan", f"--root={root}"]) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    "name", [NAMES[key] for key in ("chinese and brackets", "emoji", "shell", "not UTF-8", "line end")]
)
def test_a_child_finds_its_folders_in(place: Path, name: str) -> None:
    workspace = find_workspace(os.fspath(place / name), {})
    workspace.cache.joinpath("tmp").mkdir(parents=True)
    code = "import os, tempfile; print(ascii([os.environ['HF_HOME'], tempfile.gettempdir(), os.getcwd()]))"
    for environment in (child_environment, engine_environment):
        variables = environment(workspace, {"PATH": os.environ["PATH"]})
        events = list(run([sys.executable, "-c", code], environment=variables, cwd=workspace.root))
        assert Exit(0) in events
        (line,) = [event.text for event in events if isinstance(event, Output)]
        # the temporary folder of macOS lies behind a link
        root = os.path.realpath(workspace.root)
        told = [str(workspace.cache / "huggingface"), str(workspace.cache / "tmp"), root]
        assert line == ascii(told)


@pytest.mark.parametrize(("name", "code"), REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize(
    "words", [("hardware",), ("plan",), ("status",), ("proxy", "set", "none"), ("install", "--yes")]
)
def test_what_can_be_no_folder_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], name: str, code: str, words: tuple[str, ...]
) -> None:
    root = name if name.startswith(("/", "~")) else os.path.join(place, name)  # noqa: PTH118
    exit_code, answer = said(capsys, root, *words)
    assert exit_code == 1
    error = answer["error"]
    assert isinstance(error, dict)
    assert error["code"] == code
    assert error["message"]
    assert error["hint"]


@pytest.mark.parametrize("root", UNWRITABLE)
def test_where_nothing_can_be_written_it_is_said_as_that(capsys: pytest.CaptureFixture[str], root: str) -> None:
    code, plan = said(capsys, root, "plan")
    findings = plan["findings"]
    assert isinstance(findings, list)
    slugs = {finding["slug"] for finding in findings}
    assert "workspace-read-only" in slugs
    assert "disk-low" not in slugs
    code, answer = said(capsys, root, "install", "--yes")
    assert (code, answer["error"]["code"]) == (1, "workspace-read-only")  # type: ignore[index]
    assert said(capsys, root, "proxy", "set", "none")[1]["error"]["code"] == "no-permission"  # type: ignore[index]
    assert said(capsys, root, "status")[0] == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "real").chmod(0o500)
    try:
        assert said(capsys, str(place / "real/x"), "hardware")[1]["workspace_writable"] is False
        code, answer = said(capsys, str(place / "real/x"), "install", "--yes")
        assert (code, answer["error"]["code"]) == (1, "workspace-read-only")  # type: ignore[index]
    finally:
        (place / "real").chmod(0o700)


def test_behind_a_link_that_leads_nowhere(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = said(capsys, str(place / "dangling/x"), "proxy", "set", "none")
    assert (code, answer["error"]["code"]) == (1, "no-permission")  # type: ignore[index]
    assert not (place / "nowhere").exists()


def test_a_relative_folder(place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    assert said(capsys, "-画", "proxy", "set", "none")[0] == 0
    assert (place / "-画/config.toml").exists()


@pytest.mark.parametrize("name", ["dot.", "space ", "CON", "nul.txt", "com1", "a/lpt9.b/c"])
def test_windows_keeps_no_such_name(name: str) -> None:
    assert "Windows keeps no name" in str(unusable(Path("/") / name, "win32"))
    assert unusable(Path("/nowhere/console/.hidden/a.b c"), "win32") is None


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
def test_a_file_system_without_locks(place: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Shares of some servers know none: two launchers at once are not kept apart there, one works."""

    def flock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(file_lock.fcntl, "flock", flock)
    with only_one(place / "lock", lambda pid: AssertionError(pid)):
        pass


def test_a_lock_that_another_holds_still_counts(place: Path) -> None:
    with (
        only_one(place / "lock", lambda pid: AssertionError(pid)),
        pytest.raises(RuntimeError),
        only_one(place / "lock", lambda pid: RuntimeError(pid)),
    ):
        pass


@pytest.mark.parametrize("name", ["con", "NUL.txt", "aux .tar.gz", "com0", "LPT9", "com¹.log", "prn."])
def test_names_of_windows_devices(name: str) -> None:
    assert is_device(name)


@pytest.mark.parametrize("name", ["console", "nul-1", "a.con", "com10", "lpt", "auxiliary.txt", ""])
def test_names_like_those_of_windows_devices(name: str) -> None:
    assert not is_device(name)
