"""Makes launcher/data/locks/*.txt from pyproject.toml: exact versions with hashes, for every platform, no addresses.

Usage: `.launcher/bin/python tools/lock.py [--upgrade]`. Without `--upgrade` the versions already locked are kept where
pyproject.toml still allows them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "launcher" / "data" / "locks"
OLDEST_PYTHON = "3.10"
# torch is chosen per machine (launcher/data/torch.toml) and brings its own CUDA libraries: neither belongs in the lock.
CHOSEN_PER_MACHINE = re.compile(r"^(torch(vision|audio)?==|triton|nvidia-(?!ml-py))", re.MULTILINE)
# What asks for torch must not bring it into a lock: uv drops a requirement whose override holds nowhere.
NO_TORCH = "torch; python_version < '3'\n"


def compile_lock(name: str, what: list[str], agree_with: tuple[str, ...], extra: list[str]) -> str:
    """Resolves `what` (uv's arguments) into LOCKS/NAME.txt, agreeing with the locks `agree_with`; returns its text."""
    target = LOCKS / f"{name}.txt"
    # sys.executable -m uv: the uv of this very environment, so that the lock is made by the version that installs it.
    command = [sys.executable, "-m", "uv", "pip", "compile", "--universal", "--python-version", OLDEST_PYTHON]
    command += ["--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header"]
    command += [part for other in agree_with for part in ("--constraints", str(LOCKS / f"{other}.txt"))]
    with tempfile.TemporaryDirectory() as folder:
        # not in pyproject.toml: uv would heed it there whenever it installs from the checkout
        overrides = Path(folder) / "overrides.txt"
        overrides.write_text(NO_TORCH, encoding="utf-8")
        command += ["--overrides", str(overrides)]
        subprocess.run([*command, *what, *extra, "--quiet", "--output-file", str(target)], cwd=ROOT, check=True)
    text = target.read_text(encoding="utf-8")
    refuse_what_does_not_belong(name, text)
    return text


def refuse_what_does_not_belong(name: str, text: str) -> None:
    """Ends the run if the lock names an address or a package that is chosen per machine."""
    if "://" in text or re.search(r"^-", text, re.MULTILINE):
        raise SystemExit(f"{name}.txt holds an address or an option: {text[:200]}")
    if found := CHOSEN_PER_MACHINE.search(text):
        raise SystemExit(f"{name}.txt holds {found.group()}, which is chosen per machine")


def blocks(text: str) -> list[str]:
    """The lock's entries: one requirement with its hash lines each."""
    return re.findall(r"^\S.*\n(?:[ \t].*\n)*", text, re.MULTILINE)


def without(text: str, known: str) -> str:
    """The entries of `text` that `known` does not hold already, name and version alike."""
    held = {block.split()[0] for block in blocks(known)}
    return "".join(block for block in blocks(text) if block.split()[0] not in held)


def main(arguments: list[str]) -> int:
    """Makes all three locks, in the order in which they bind one another."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    launcher = compile_lock("launcher", ["pyproject.toml"], (), arguments)
    compile_lock("engine", ["--group", "pyproject.toml:engine"], ("launcher",), arguments)
    # The test tools run beside the launcher's packages and beside the engine's, so they agree with both.
    dev = compile_lock("dev", ["--group", "pyproject.toml:dev"], ("launcher", "engine"), arguments)
    (LOCKS / "dev.txt").write_text(without(dev, launcher), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
