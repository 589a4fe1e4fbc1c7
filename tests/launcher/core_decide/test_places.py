"""The workspace, the variables that keep children in it, and the wheels that lie on this computer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.core.file_hash import sha256
from launcher.core.hardware.look import Machine
from launcher.core.packages.pip_settings import PipSettings
from launcher.core.packages.sources import Wheel, find_sources
from launcher.core.paths import CACHES, checkout, child_environment, engine_environment, find_workspace


def test_where_the_workspace_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_workspace(None, {}).root == checkout() / "workspace"
    assert find_workspace(None, {"GESSO_ROOT": "画 板"}).root == tmp_path / "画 板"
    assert find_workspace("a/../b", {"GESSO_ROOT": "/x"}).root == tmp_path / "b"
    assert find_workspace("~/g", {}).root == Path("~/g").expanduser()
    assert find_workspace(None, {"GESSO_ROOT": ""}).root == checkout() / "workspace"
    assert not (tmp_path / "b").exists()


def test_every_cache_of_a_child_lies_in_the_workspace(tmp_path: Path) -> None:
    child = child_environment(find_workspace(str(tmp_path), {}), {"PATH": "/bin", "TMPDIR": "/elsewhere"})
    inside = [child[name] for name in (*CACHES, "TMPDIR", "TEMP", "TMP")]
    assert all(Path(each).is_relative_to(tmp_path) for each in inside)
    assert child["PATH"] == "/bin"


def test_a_cache_the_user_has_set_wins_and_another_python_does_not(tmp_path: Path) -> None:
    environ = {"HF_HOME": "/mine", "PYTHONHOME": "/conda", "PYTHONPATH": "/x", "UV_CACHE_DIR": ""}
    child = child_environment(find_workspace(str(tmp_path), {}), environ)
    assert child["HF_HOME"] == "/mine"
    assert child["UV_CACHE_DIR"] == str(tmp_path / "cache/uv")
    assert not {"PYTHONHOME", "PYTHONPATH"} & set(child)


LAN = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16,.local"


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ({}, ""),
        ({"NO_PROXY": "a.example, localhost"}, "a.example,localhost,"),
        ({"no_proxy": "*"}, "*,"),
        # with one of these httpx, and so Gradio, fails when it is imported
        ({"no_proxy": "[::1],fe80::/10,host:*,例え.cn,a.example"}, "a.example,"),
    ],
)
def test_loopback_and_the_local_network_bypass_any_proxy(
    tmp_path: Path, present: dict[str, str], expected: str
) -> None:
    child = child_environment(find_workspace(str(tmp_path), {}), present)
    loopback = [each for each in ("localhost", "127.0.0.1", "::1") if each not in expected.split(",")]
    assert child["NO_PROXY"] == child["no_proxy"] == f"{expected}{','.join(loopback)},{LAN}"


def test_a_childs_proxies_are_repaired_and_the_engines_are_those_that_httpx_understands(tmp_path: Path) -> None:
    workspace = find_workspace(str(tmp_path), {})
    present = {"http_proxy": "127.0.0.1:7890", "ALL_PROXY": "socks://127.0.0.1:1080", "HTTPS_PROXY": "vmess://x"}
    child = child_environment(workspace, present)
    assert child["http_proxy"] == "http://127.0.0.1:7890"
    assert child["ALL_PROXY"] == "socks5h://127.0.0.1:1080"
    assert child["HTTPS_PROXY"] == ""
    engine = engine_environment(workspace, present)
    assert engine["http_proxy"] == "http://127.0.0.1:7890"
    assert not {"ALL_PROXY", "HTTPS_PROXY"} & set(engine)
    assert engine["no_proxy"]


NAME = "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"


def test_wheels_in_folders_files_and_indexes(tmp_path: Path) -> None:
    folder, page = tmp_path / "own wheels", tmp_path / "index/torch"
    for place in (folder, page, tmp_path / "files"):
        place.mkdir(parents=True)
    (folder / NAME).write_bytes(b"12345")
    (folder / "torchvision-0.28.0-cp311-cp311-win_amd64.whl").write_bytes(b"")
    (folder / "torch-2.13.0.tar.gz").write_bytes(b"")
    (tmp_path / "files" / NAME).write_bytes(b"123")
    (page / "index.html").write_text(
        f'<a href="../../files/{NAME.replace("+", "%2B")}#sha256=00">x</a><a href="https://a.example/{NAME}">y</a>'
        f'<a href="../../files/torch-9-cp311-cp311-win_amd64.whl">gone</a>'
    )
    pip = PipSettings(
        extra_index_urls=((tmp_path / "index").as_uri(), "https://a.example/simple", (tmp_path / "none").as_uri()),
        find_links=(str(folder), str(folder / NAME), "https://a.example/wheels", str(tmp_path / "gone")),
    )
    found = find_sources(pip, tmp_path / "no.lock")
    assert [(Path(wheel.path).parent.name, wheel.size) for wheel in found.wheels] == [
        ("own wheels", 5),
        ("own wheels", 5),
        ("files", 3),
    ]
    assert found.wheels[2].source == (tmp_path / "index").as_uri()
    assert found.lock_sha256 is None
    assert {wheel.version for wheel in found.wheels} == {"2.13.0+cpu"}


def test_the_lock_is_known_by_its_hash(tmp_path: Path) -> None:
    lock = tmp_path / "engine.txt"
    lock.write_bytes(b"abc")
    assert find_sources(PipSettings(), lock).lock_sha256 == sha256(lock)
    assert sha256(lock).startswith("ba7816bf")
    assert find_sources(PipSettings()).lock_sha256 == sha256(checkout() / "launcher/data/locks/engine.txt")


@pytest.mark.parametrize(
    ("platform", "machine", "fits"),
    [
        ("manylinux_2_28_x86_64", Machine("linux", "x86_64"), True),
        ("manylinux2014_x86_64.manylinux_2_17_x86_64", Machine("linux", "x86_64"), True),
        ("linux_x86_64", Machine("linux", "x86_64"), True),
        ("musllinux_1_2_x86_64", Machine("linux", "x86_64"), False),
        ("manylinux_2_28_aarch64", Machine("linux", "arm64"), True),
        ("win_amd64", Machine("windows", "x86_64"), True),
        ("win_arm64", Machine("windows", "x86_64"), False),
        ("macosx_11_0_arm64", Machine("macos", "arm64"), True),
        ("macosx_10_9_universal2", Machine("macos", "arm64"), True),
        ("macosx_10_9_x86_64", Machine("macos", "arm64"), False),
        ("win_amd64", Machine(), False),
    ],
)
def test_which_wheel_fits_which_system(platform: str, machine: Machine, fits: bool) -> None:
    assert Wheel(f"/w/torch-2.13.0-cp311-cp311-{platform}.whl", "/w").fits(machine, "cp311") is fits
    assert not Wheel(f"/w/torch-2.13.0-cp310-cp310-{platform}.whl", "/w").fits(machine, "cp311")


def test_looking_and_deciding_imports_nothing_heavy() -> None:
    modules = "facts hardware.look network.mirrors network.routes paths packages.pip_settings plan.plan proposal"
    code = "import sys\n" + "".join(f"import launcher.core.{name}\n" for name in modules.split())
    code += "both = ('runtime', 'runtime.protocol', 'runtime.placement', 'runtime.ledger_file')\n"
    code += "print(*{name.partition('.')[0] for name in sys.modules if name not in both})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=checkout(),
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "launcher" in loaded
    assert not loaded & {"torch", "textual", "pip", "pynvml", "requests", "numpy", "runtime", "uv"}
