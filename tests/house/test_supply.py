"""What no line of ours may say: certificates unchecked, a second index, a shell, git's global settings."""

# ruff: noqa: E501 - a table

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.tracked import texts

OURS = {
    name: text for name, text in texts().items() if name.startswith(("launcher/", "runtime/")) and name.endswith(".py")
}
SCRIPTS = {name: text for name, text in texts().items() if name in ("install.sh", "install.ps1", "gesso", "gesso.cmd")}
#: an expression, and the files that may say it because the user asks for it there or because it only reads or tells
NEVER: dict[str, tuple[str, ...]] = {
    r"verify\s*=\s*(?:False)|\.verify = (?:False)": (),
    r"_create_unverified_context|CERT_NONE|check_hostname\s*=\s*False": (),
    r"--trusted-host|--allow-insecure-host|UV_INSECURE_HOST\b.*=": (),
    r"(?i)sslVerify\W+(?:false|no|off|0)\b": (),
    r"(?i)sslVerify": ("launcher/core/git_calls.py", "launcher/core/update/git_calls.py"),
    r"GIT_SSL_NO_VERIFY": ("launcher/core/git_calls.py",),
    r"--extra-index-url": (),
    r"weights_only\s*=\s*False": (),
    r"\bgit\b.*--global": (
        "launcher/core/network/mirror_git.py", "launcher/core/mends/proxies.py", "launcher/core/mends/safe_directory.py",
        "launcher/core/mends/git_door.py", "launcher/core/mends/remembered_git.py", "launcher/core/mends/proxy_places.py",
        "launcher/core/mends/long_paths.py", "launcher/core/mends/git_path.py", "launcher/core/mends/pointer.py",
        "launcher/core/doctor/programs.py",
        "launcher/core/doctor/network.py",
    ),
}  # fmt: skip


@pytest.mark.parametrize("expression", NEVER)
def test_nobody_says_it(expression: str) -> None:
    said = {name for name, text in OURS.items() if re.search(expression, text)}
    assert said - set(NEVER[expression]) == set()
    in_scripts = r"--global" if "--global" in expression else expression
    assert not [name for name, text in SCRIPTS.items() if re.search(in_scripts, text)]


def calls() -> Iterator[tuple[str, ast.Call]]:
    for name, text in OURS.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call):
                yield name, node


def test_no_shell_reads_what_we_run() -> None:
    """A path with a quotation mark in it, or the address of a mirror, is one word and stays one."""
    for name, call in calls():
        words = {keyword.arg: keyword.value for keyword in call.keywords}
        shell = words.get("shell")
        assert shell is None or (isinstance(shell, ast.Constant) and shell.value is False), f"{name}:{call.lineno}"
        assert ast.unparse(call.func) not in ("os.system", "os.popen", "eval", "exec"), f"{name}:{call.lineno}"


def test_pip_and_uv_install_what_has_a_hash() -> None:
    """Wherever words of a command name a file of requirements to install, they demand hashes too."""
    for name, text in OURS.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.List | ast.Tuple):
                words = [each.value for each in node.elts if isinstance(each, ast.Constant)]
                if "-r" in words and "compile" not in words:
                    assert "--require-hashes" in words, f"{name}:{node.lineno}"


@pytest.mark.parametrize(
    "name", sorted(name for name in texts() if name.startswith("launcher/data/locks/") and name.endswith(".txt"))
)
def test_every_locked_package_has_its_hash_and_no_address(name: str) -> None:
    entries = re.findall(r"^\S.*\n(?:[ \t].*\n)*", texts()[name], re.MULTILINE)
    pinned = [entry for entry in entries if "==" in entry]
    assert pinned
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in pinned)
    assert not re.search(r"https?://|--(extra-)?index|--find-links|^-e |git\+", texts()[name], re.MULTILINE)
