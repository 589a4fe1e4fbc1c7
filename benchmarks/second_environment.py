"""A warm second environment (the steps of an install before its proof) against `uv pip install` of the same lock.

    .launcher/bin/python -m benchmarks.second_environment --root WORKSPACE [--rounds 5]

The workspace has an engine environment already, so everything has been fetched and unpacked before. Each round makes
an environment twice, taking turns: `gesso` with the steps `environment`, `torch` and `packages` of an install (hashes
required, torch from its pinned wheel), `uv` with `uv venv`, `uv pip install` of torch and `uv pip install -r` of the
lock, hashes required too, with the same cache and sources. Prints one JSON object: seconds (medians), the median of
the rounds' ratios, and how much of the second environment is shared with the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from launcher.core.environments.environments import current
from launcher.core.environments.installed import Installed
from launcher.core.environments.listing import measure
from launcher.core.install.steps import environment, packages, torch
from launcher.core.install.work import Work
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.packages.requirements import written
from launcher.core.packages.sources import ENGINE_LOCK
from launcher.core.packages.uv import find_uv
from launcher.core.packages.uv_settings import uv_arguments, uv_environment
from launcher.core.paths import Workspace, child_environment
from launcher.core.plan.options import Options
from launcher.core.process import python_in
from launcher.core.proposal import propose


def work_for(workspace: Workspace, folder: Path) -> Work:
    """What an install would be given for the environment in `folder`."""
    plan = propose(workspace, Options(), Installed()).plan
    variables = child_environment(workspace, os.environ)
    return Work(plan, workspace, read_pip_settings(os.environ), variables, None, ENGINE_LOCK, (), folder)


def by_gesso(workspace: Workspace, folder: Path) -> dict[str, list[str]]:
    """The steps of an install up to the proof; which files of torch's family they took."""
    work = work_for(workspace, folder)
    for step in (environment, torch, packages):
        for _ in step(work):
            pass
    return work.family


def by_uv(workspace: Workspace, folder: Path, family: dict[str, list[str]]) -> None:
    """The same by uv alone."""
    work = work_for(workspace, folder)
    variables = {**work.variables, **uv_environment(work.pip, work.variables)}
    pinned = Path(variables["TMPDIR"]) / "benchmark.txt"
    pinned.write_text(written({name: hashes for name, hashes in family.items() if "==" in name}), encoding="utf-8")
    wheel = [str(work.plan.torch.wheel)] if work.plan.torch.wheel else ["-r", str(pinned)]
    install = ["pip", "install", "--python", str(python_in(folder)), "--no-deps", *uv_arguments(work.pip)]
    # What was fetched lies in our own index; uv is spared the network as Gesso is.
    ours = (workspace.cache / "wheels" / "simple").absolute().as_uri()
    variables["UV_INDEX"] = f"{ours} {variables.get('UV_INDEX', '')}".strip()
    variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    for words in (
        ["venv", "--python", work.plan.python, "--no-project", "--no-config", str(folder)],
        [*install, "--offline", *wheel],
        [*install, "--offline", "--require-hashes", "-r", str(ENGINE_LOCK)],
    ):
        subprocess.run([find_uv(), *words, "--quiet"], env=variables, cwd=workspace.root, check=True)


def seconds(what: Callable[[], object]) -> float:
    """How long it takes until it lies there, the disk left to the system in both cases."""
    began = time.monotonic()
    what()
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    workspace = Workspace(arguments.root.absolute())
    if current(workspace) is None:
        raise SystemExit("The workspace has no engine environment yet: `gesso install --root …` makes one.")
    ours, theirs = workspace.environments / ".benchmark-gesso", workspace.environments / ".benchmark-uv"
    rounds: list[tuple[float, float]] = []
    try:
        family = by_gesso(workspace, ours)
        for number in range(arguments.rounds):
            for folder in (ours, theirs):
                shutil.rmtree(folder, ignore_errors=True)
            first = (lambda: by_gesso(workspace, ours)), (lambda: by_uv(workspace, theirs, family))
            if number % 2:
                uv, gesso = seconds(first[1]), seconds(first[0])
            else:
                gesso, uv = seconds(first[0]), seconds(first[1])
            rounds.append((gesso, uv))
        size = measure(ours)
    finally:
        for folder in (ours, theirs):
            shutil.rmtree(folder, ignore_errors=True)
    print(
        json.dumps({
            "gesso_seconds": round(statistics.median(gesso for gesso, _ in rounds), 2),
            "uv_seconds": round(statistics.median(uv for _, uv in rounds), 2),
            "ratio": round(statistics.median(gesso / uv for gesso, uv in rounds), 2),
            "ratios": [round(gesso / uv, 2) for gesso, uv in rounds],
            "mib": size.total >> 20,
            "shared_mib": size.shared >> 20,
        })
    )  # fmt: skip


if __name__ == "__main__":
    main()
