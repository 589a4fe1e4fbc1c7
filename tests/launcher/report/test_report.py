"""A report over a workspace full of planted secrets: none of them is in the bundle, and what helps is."""

from __future__ import annotations

import json
import platform
import stat
import threading
import zipfile
from pathlib import Path

import pytest

from launcher.core.doctor.check import Checked
from launcher.core.errors import LauncherError
from launcher.core.events import Progress
from launcher.core.hardware.machine import Gpu, Machine, Volume, simulate
from launcher.core.paths import Workspace
from launcher.core.plan.options import Options
from launcher.core.process import CancelledError
from launcher.core.report import report as making
from launcher.core.report import sources
from launcher.core.report.bundle import check_free, free_path, write
from launcher.core.report.report import Report, gather
from launcher.core.report.tails import last_lines
from launcher.core.text import t

#: one of each kind; none may be in the bundle
CANARIES = {
    "user": "zhangweiqiang", "host": "WEIQIANG-ROG", "other": "wangxiulan", "mail": "weiqiang@example.cn",
    "ip": "203.0.113.77",
    "lan": "192.168.31.9", "ip6": "2001:db8:77::9", "hf": "hf_QwErTyUiOpAsDfGh", "sk": "sk-zXcVbNm1234567890",
    "ghp": "ghp_AbCdEfGhIjKlMnOp0123", "bearer": "eyTokenOfBearer0001", "key": "civitaikey77",
    "cookie": "sessionid-canary-5",
    "proxy": "ProxyPassw0rd", "url": "UrlPassw0rd", "query": "SignedQuery99", "variable": "VariableSecret42",
    "at": "p@Half0fIt", "firm": "proxy.firm-canary.example", "aws": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "netrc": "NetrcSecret1", "is": "hunter33", "curl": "hunter55", "flag": "liming-canary", "phone": "13812345678",
    "unc": "FILESERVER01", "folder": "张伟", "pwd": "PwdSecret7", "tokens": "tokens-canary-8", "sshpass": "hunter77",
    "password": "PagePassw0rd", "mac": "00:1a:2b:aa:bb:cc", "card": "GPU-deadbeef-0000-1111-2222-333344445555",
}  # fmt: skip
C = CANARIES
LINES = (
    f'  File "/home/{C["user"]}/gesso/runtime/worker.py", line 5, in draw',
    f"{C['user']}@{C['host']}:~$ C:\\Users\\{C['other']}\\AppData\\Local",
    f"mail {C['mail']} from {C['ip']} at {C['lan']}:7860 and [{C['ip6']}]:80, {C['mac']}, {C['card']}",
    f"token {C['hf']} {C['sk']} {C['ghp']}",
    f"Authorization: Bearer {C['bearer']}",
    f"using Bearer {C['bearer']}",
    f"api_key={C['key']} and x-api-key: {C['key']}",
    f"Cookie: sid={C['cookie']}; theme=dark",
    f"proxy http://me:{C['proxy']}@127.0.0.1:7890 refused; me:{C['proxy']}@proxy.example.com:8080 too; {C['proxy']}",
    f"GET https://u:{C['url']}@cdn.example.org/m.safetensors?X-Amz-Signature={C['query']}&Expires=1 403",
    f"the variable says {C['variable']}",
    f"Name: gesso   Password: {C['password']}   (shown only now)",
    f"--gradio-auth ming:{C['password']} --port 7861",
    f"https://me:{C['at']}@h.example/x; {C['firm']} refused; call {C['phone']}",
    f"the AWS key {C['aws']}",
    f"machine h.example login {C['flag']} password {C['netrc']}",
    f"password is {C['is']}",
    f"curl -u bob:{C['curl']} http://h.example; sshpass -p {C['sshpass']} ssh h.example; git --username {C['flag']}",
    f"\\\\{C['unc']}\\share and C:\\用户\\{C['folder']}\\桌面",
    f"UID=sa;PWD={C['pwd']}; access_tokens = {C['tokens']}",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
)


@pytest.fixture
def machine():
    card = Gpu(0, C["card"], "nvidia", "NVIDIA GeForce RTX 3060", 12288, 11000, "8.6")
    volume = Volume(f"/media/{C['user']}/disk", ("workspace",), "ext4", 900_000, 400_000)
    return Machine("linux", "x86_64", "3.12.1", 32000, 400_000, "580.95.05", (card,), volumes=(volume,))


@pytest.fixture
def planted(tmp_path, monkeypatch, machine) -> Workspace:
    """Every file that a report is made from has every canary in it."""
    workspace = Workspace(tmp_path / "home" / C["user"] / "gesso")
    for folder in (workspace.logs, workspace.state, workspace.root / "profiles"):
        folder.mkdir(parents=True)
    text = "\n".join(LINES)
    (workspace.logs / "runtime.log").write_text(text, encoding="utf-8")
    (workspace.logs / "runtime.previous.log").write_bytes(text.encode("utf-16"))
    (workspace.logs / f"{C['user']}.txt").write_text(text.replace("\n", "\r\n"), encoding="utf-8")
    events = [{"event": "credentials", "user": "gesso", "password": C["password"]}]
    events += [{"event": "fatal", "code": "x", "message": line, "path": f"C:\\Users\\{C['user']}\\x"} for line in LINES]
    (workspace.state / "runtime-events.jsonl").write_text("\n".join(map(json.dumps, events)))
    comments = "".join(f"# {line}\n" for line in LINES)
    address = f'address = "http://me:{C["proxy"]}@{C["lan"]}:7890"'
    (workspace.root / "config.toml").write_text(f"{comments}[proxy]\n{address}\n", encoding="utf-8")
    (workspace.root / "config.json").write_text(json.dumps({"samples": list(LINES), "civitai_api_key": C["key"]}))
    profile = f'{comments}title = "{C["user"]}"\nflags = ["--api-auth", "a:{C["password"]}"]\n'
    (workspace.root / "profiles" / f"{C['user']}.toml").write_text(profile, encoding="utf-8")
    results = {
        "local": {"started": "2026-11-22T00:00:00", "why": text, "failed": "runtime-ended", "command": list(LINES)}
    }
    (workspace.state / "run-results.json").write_text(json.dumps(results))
    mend = {"number": 1, "name": "repair-proxy", "record": {"before": text, "password": C["password"]}}
    (workspace.state / "mends.json").write_text(json.dumps({"mends": [mend]}))
    environment = workspace.environments / "torch-1" / "lib" / "python3.12" / "site-packages"
    (environment / f"{C['user']}_package-1.0.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sources, "look", lambda _root: machine)
    monkeypatch.setattr(platform, "node", lambda: C["host"])
    monkeypatch.setattr(Path, "home", lambda: Path("/home") / C["user"])
    monkeypatch.setattr(making.getpass, "getuser", lambda: C["user"])
    return workspace


ENVIRON = {
    "USER": C["user"], "HOME": f"/home/{C['user']}", "COMPUTERNAME": C["host"], "MY_SECRET": C["variable"],
    "HF_TOKEN": C["hf"], "https_proxy": f"http://me:{C['proxy']}@{C['ip']}:7890", "CUDA_VISIBLE_DEVICES": "0",
    "all_proxy": f"socks5://{C['firm']}:1080",
    "COMMANDLINE_ARGS": f"--gradio-auth ming:{C['password']}", "UNRELATED": "x",
}  # fmt: skip


def made(workspace: Workspace, checks: tuple[Checked, ...] = ()) -> Report:
    found: list[Report] = []

    def walk():
        found.append((yield from gather(workspace, Options(), ENVIRON, checks)))

    assert all(isinstance(event, Progress) for event in walk())
    return found[0]


def test_none_of_the_planted_secrets_is_in_the_bundle(planted, tmp_path):
    checks = (Checked("proxy", t("Proxy"), False, t("{line}", line="\n".join(LINES)), t("fix {line}", line=LINES[8])),)
    report = made(planted, checks)
    path = write(report, tmp_path / "r.zip")
    with zipfile.ZipFile(path) as bundle:
        whole = "\n".join(bundle.namelist()) + "\n".join(bundle.read(name).decode() for name in bundle.namelist())
        assert bundle.testzip() is None
    found = {kind: whole[max(0, whole.index(each) - 60) :][:140] for kind, each in CANARIES.items() if each in whole}
    assert found == {}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_helps_is_there(planted):
    report = made(planted, (Checked("disk", t("Disk"), False, t("full"), t("free some")),))
    parts = {part.name: part.text for part in report.parts}
    for name in ("logs/runtime.log", "logs/runtime.previous.log", "logs/user.txt"):
        assert "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB" in parts[name], name
    assert json.loads(parts["checks.json"]) == [{"name": "disk", "ok": False, "detail": "full", "fix": "free some"}]
    assert json.loads(parts["state.json"])["results"]["local"]["failed"] == "runtime-ended"
    assert parts["variables.txt"].split() == [
        "COMMANDLINE_ARGS", "CUDA_VISIBLE_DEVICES", "HF_TOKEN", "all_proxy", "https_proxy",
    ]  # fmt: skip
    assert "[torch-1]" in parts["environments.txt"]
    assert json.loads(parts["versions.json"])["gesso"]
    assert set(json.loads(parts["findings.json"])) == {"runtime.log", "runtime.previous.log", "<user>.txt"}
    assert "http://***@<address>:7890" in parts["settings/config.toml"]
    assert json.loads(parts["plan.json"])["torch"]["version"]


def test_its_first_file_says_what_cannot_be_recognised(planted):
    about = made(planted).parts[0]
    assert about.name == "README.txt"
    for word in ("prompts", "names of other people", "提示词", "其他人的姓名"):
        assert word in about.text


def test_it_can_be_stopped_before_the_checks_between_them_and_inside_a_log(planted, monkeypatch):
    asked: list[str] = []

    def checks():
        for name in ("one", "two", "three"):
            asked.append(name)
            yield Checked(name, t("Disk"), True, t("well"), None)

    cancel = threading.Event()
    walk = gather(planted, Options(), ENVIRON, checks(), cancel)
    assert isinstance(next(walk), Progress)
    assert asked == []
    cancel.set()
    with pytest.raises(CancelledError):
        next(walk)
    assert asked == ["one"]

    batches: list[int] = []

    def read_lines(_file):
        for number in range(1000):
            batches.append(number)
            if number == 3:
                cancel.set()
            yield ["quiet"]

    cancel.clear()
    monkeypatch.setattr(sources, "read_lines", read_lines)
    with pytest.raises(CancelledError):
        list(gather(planted, Options(), ENVIRON, (), cancel))
    assert len(batches) == 4


def test_its_hardware_replays(planted, tmp_path, machine):
    text = next(part.text for part in made(planted).parts if part.name == "hardware.json")
    (tmp_path / "hardware.json").write_text(text, encoding="utf-8")
    replayed = simulate(tmp_path / "hardware.json")
    assert (replayed.gpus[0].name, replayed.driver, replayed.ram_mib) == ("NVIDIA GeForce RTX 3060", "580.95.05", 32000)
    assert replayed.volumes[0].path == "/media/<user>/disk"


def test_what_cannot_be_read_says_so_and_ends_nothing(planted):
    (planted.root / "config.toml").write_text("this is = = no TOML")
    (planted.logs / "runtime.log").unlink()
    (planted.logs / "runtime.log").symlink_to("/etc/passwd")
    parts = {part.name: part.text for part in made(planted).parts}
    assert "bad-settings" in parts["plan.json"]
    assert parts["settings/config.toml"] == "this is = = no TOML"
    assert "logs/runtime.log" not in parts


def test_an_empty_workspace_has_a_report_too(tmp_path):
    names = [part.name for part in made(Workspace(tmp_path / "none")).parts]
    assert names == [
        "README.txt",
        "versions.json",
        "findings.json",
        "hardware.json",
        "plan.json",
        "state.json",
        "variables.txt",
    ]


def test_it_is_written_over_nothing(tmp_path):
    (tmp_path / "mine.zip").write_text("mine")
    (tmp_path / "link.zip").symlink_to(tmp_path / "nowhere.zip")
    for name in ("mine.zip", "link.zip"):
        with pytest.raises(LauncherError) as error:
            write(Report(()), tmp_path / name)
        assert error.value.code == "file-exists"
    with pytest.raises(LauncherError):
        check_free(tmp_path / "mine.zip")
    with pytest.raises(LauncherError) as error:
        write(Report(()), tmp_path / "mine.zip" / "x.zip")
    assert error.value.code == "cannot-write"
    assert (tmp_path / "mine.zip").read_text() == "mine"
    assert not (tmp_path / "nowhere.zip").exists()
    inside, again = write(Report(()), tmp_path), write(Report(()), tmp_path)
    assert inside.parent == again.parent == tmp_path
    assert inside != again
    assert free_path(tmp_path) not in (inside, again)


def test_of_a_log_the_last_lines_are_taken(tmp_path):
    log = tmp_path / "l.log"
    log.write_text("".join(f"line {number} {'x' * 90}\n" for number in range(9000)))
    found = last_lines(log, 100)
    assert (len(found), found[0], found[-1][:9]) == (101, "[…]", "line 8999")
    assert [line[:7] for line in last_lines(log, 9000)[1:3]] == [
        f"line {9000 - len(last_lines(log, 9000)) + 1}"[:7]
    ] * 2
    log.write_bytes("".join(f"行 {number}\r\n" for number in range(60_000)).encode("utf-16"))
    assert last_lines(log, 2) == ["[…]", "行 59998", "行 59999"]
    log.write_bytes(b"")
    assert last_lines(log) == []
