"""Runs every check and every test: `./install.sh test [PART ...]` starts this in `.launcher`, beside the test tools.

All parts run even if one fails; the last line counts them as pytest would. A real engine environment is made by Gesso
itself in build/test-workspace (GESSO_TEST_WORKSPACE names another) and used again while it is up to date.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
WORKSPACE = Path(os.environ.get("GESSO_TEST_WORKSPACE") or BUILD / "test-workspace")
TOOLS = BUILD / "test-tools"
LONGEST = 2400  # seconds that one part may take
#: when everything is run: what comes last here, and what runs beside that meanwhile, in about the same time
LAST, BESIDE = ("runtime", "end-to-end"), ("launcher", "page")
BESIDE_LOG = BUILD / "beside.log"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# What the engine's tests need beside the engine; the other tools of dev.txt run in `.launcher` alone.
ONLY_FOR_LAUNCHER = re.compile(
    r"(ast-serialize|babel|click|grimp|import-linter|librt|mypy|pathspec|ruff|tree-sitter|types-)"
)
PYTEST = ("-m", "pytest", "-p", "no:cacheprovider", "--tb=short", "--durations=12", "--durations-min=5")


@dataclass
class Tally:
    """How many checks and tests passed, failed and were skipped, and the names of the failed parts."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    broken: list[str] = field(default_factory=list)

    def add(self, name: str, code: int, output: str) -> None:
        """Counts one part: by pytest's closing line if there is one, else as one check."""
        counts = {
            word: int(number) for number, word in re.findall(r"\b(\d+) (passed|failed|skipped|errors?)\b", output)
        }
        failed = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
        self.passed += counts.get("passed", 0 if counts or code else 1)
        self.skipped += counts.get("skipped", 0)
        self.failed += failed or (1 if code else 0)
        if code:
            self.broken.append(name)


def run(command: Iterable[str], **environment: str) -> tuple[int, str]:
    """Runs a command with its output shown; returns exit code and last lines; ends its whole group when late."""
    child = subprocess.Popen(
        list(command), cwd=ROOT, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", start_new_session=os.name != "nt",
    )  # fmt: skip
    late = threading.Timer(LONGEST, end_group, [child])
    late.start()
    last = [""]
    for line in child.stdout or ():
        print(line, end="", flush=True)
        last = [*last[-2:], line]
    code = child.wait()
    late.cancel()
    return code, "".join(last)


def end_group(child: subprocess.Popen[str]) -> None:
    print(f"ended: it took longer than {LONGEST} s", flush=True)
    if sys.platform == "win32":
        child.kill()
    else:
        os.killpg(child.pid, signal.SIGKILL)


def engine_python() -> str:
    """The Python of the environment that Gesso made; raises FileNotFoundError if there is none."""
    name = json.loads((WORKSPACE / "environments" / "current.json").read_text(encoding="utf-8"))["name"]
    environment = WORKSPACE / "environments" / name
    return str(environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def format_and_lint() -> tuple[int, str]:
    checked = run([sys.executable, "-m", "ruff", "check", "."])
    formatted = run([sys.executable, "-m", "ruff", "format", "--check", "."])
    return max(checked[0], formatted[0]), ""


def types() -> tuple[int, str]:
    """Strict typing of all that runs in `.launcher`; the runtime's is checked in the engine's environment."""
    tools = ["tools/catalogues.py", "tools/lock.py", "tools/screenshots.py"]
    tests = ["tests/run.py", "tests/house", "tests/launcher", "tests/end_to_end"]
    found = run([sys.executable, "-m", "mypy", "launcher", *tools, *tests])
    return found[0], ""


def contracts() -> tuple[int, str]:
    code, _ = run([str(Path(sys.executable).with_name("lint-imports"))])
    return code, ""


def launcher_tests() -> tuple[int, str]:
    return run([sys.executable, *PYTEST, "tests/house", "tests/launcher"])


def engine() -> tuple[int, str]:
    """A real environment, made by Gesso; with the test tools beside it, so that it stays as Gesso made it."""
    code, _ = run([sys.executable, "-m", "launcher", "install", "--yes", "--json", "--root", str(WORKSPACE)])
    return (code or bring_test_tools()), ""


def bring_test_tools() -> int:
    """pytest and its like in build/test-tools, for the engine's Python; made again when the lock has changed."""
    text = (ROOT / "launcher" / "data" / "locks" / "dev.txt").read_text(encoding="utf-8")
    entries = re.findall(r"^\S.*\n(?:[ \t].*\n)*", text, re.MULTILINE)
    wanted = "".join(entry for entry in entries if not ONLY_FOR_LAUNCHER.match(entry))
    stamp = TOOLS / "requirements.txt"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return 0
    shutil.rmtree(TOOLS, ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    requirements = BUILD / "test-tools.txt"
    requirements.write_text(wanted, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", engine_python(), "install", "--quiet", "--target", str(TOOLS)]
    code, _ = run([*pip, "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)])
    if code == 0:
        requirements.replace(stamp)
    return code


def runtime_types() -> tuple[int, str]:
    what = ["runtime", "tools/compatibility", "tools/demo_model", "tools/demo_networks", "tools/fetch_clip_merges.py"]
    code, _ = run([sys.executable, "-m", "mypy", "--python-executable", engine_python(), *what])
    return code, ""


def runtime_tests() -> tuple[int, str]:
    """The runtime's tests with the engine's own interpreter, but for the page's."""
    return in_the_engine("--ignore=tests/runtime/browser", "tests/runtime")


def page_tests() -> tuple[int, str]:
    """The page's in a browser; without one they are left out, and that is said."""
    browser = find_browser()
    return in_the_engine("tests/runtime/browser", CHROMIUM=browser) if browser else (0, "")


def in_the_engine(*what: str, **environment: str) -> tuple[int, str]:
    python = engine_python()
    return run([python, *PYTEST, *what], PYTHONPATH=str(TOOLS), ENGINE_PYTHON=python, **environment)


def find_browser() -> str | None:
    """A Chromium; on a Linux where we are root and apt-get is there, the distribution's own is installed."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    if sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get"):
        run(["apt-get", "update", "-qq"])
        run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], DEBIAN_FRONTEND="noninteractive"
        )
        if found := shutil.which("chromium"):
            return found
    print("!!! NO CHROMIUM: the tests of the page in a browser are SKIPPED", flush=True)
    return None


def end_to_end() -> tuple[int, str]:
    return run(
        [sys.executable, *PYTEST, "tests/end_to_end"],
        GESSO_TEST_WORKSPACE=str(WORKSPACE),
        ENGINE_PYTHON=engine_python(),
    )


PARTS: dict[str, Callable[[], tuple[int, str]]] = {
    "lint": format_and_lint,
    "types": types,
    "contracts": contracts,
    "launcher": launcher_tests,
    "engine": engine,
    "runtime-types": runtime_types,
    "runtime": runtime_tests,
    "page": page_tests,
    "end-to-end": end_to_end,
}


def main(arguments: list[str]) -> int:
    """Runs the named parts, or all; 0 only if every one is green."""
    if unknown := [name for name in arguments if name not in PARTS]:
        print(f"no such part: {' '.join(unknown)}; there are: {' '.join(PARTS)}")
        return 2
    tally = Tally()
    run_parts(arguments or [name for name in PARTS if name not in (*LAST, *BESIDE)], tally)
    if not arguments:
        beside = start_beside()
        run_parts(LAST, tally)
        finish_beside(beside, tally)
    print(f"\nfailed parts: {', '.join(tally.broken) or 'none'}")
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.broken else 0


def run_parts(names: Iterable[str], tally: Tally) -> None:
    """One after the other, each counted."""
    for name in names:
        print(f"\n=== {name} ===", flush=True)
        started = time.monotonic()
        try:
            code, output = PARTS[name]()
        except OSError as error:
            code, output = 1, ""
            print(f"{name}: {error}")
        tally.add(name, code, output)
        print(f"=== {name}: {'failed' if code else 'done'} in {time.monotonic() - started:.0f} s", flush=True)


def start_beside() -> subprocess.Popen[bytes]:
    """This program with the parts that run while others do: each of both uses one processor."""
    BUILD.mkdir(exist_ok=True)
    with BESIDE_LOG.open("wb") as log:
        return subprocess.Popen([sys.executable, __file__, *BESIDE], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)


def finish_beside(child: subprocess.Popen[bytes], tally: Tally) -> None:
    """Shows what it said and counts it."""
    code = child.wait()
    said = BESIDE_LOG.read_text(encoding="utf-8", errors="replace")
    print(said, flush=True)
    broken = re.findall(r"^=== (\S+): failed", said, re.MULTILINE)
    tally.add(", ".join(broken) or ", ".join(BESIDE), code, said.rstrip().rpartition("\n")[2])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
