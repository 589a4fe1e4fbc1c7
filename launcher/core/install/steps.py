"""The steps of an install, each of them events until it is done or a LauncherError."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from datetime import datetime, timezone
from pathlib import Path

from launcher.core.environments.environments import Stamp, begin, stamp, switch
from launcher.core.environments.pins import check_wheel, pin, pinned
from launcher.core.environments.recipes import keep_recipe, recipe_of
from launcher.core.environments.site_packages import installed_packages, site_packages
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.file_hash import sha256
from launcher.core.install.package_sources import PackageSource
from launcher.core.install.packages import first_that_answers, put_in
from launcher.core.install.proof import Proof, prove
from launcher.core.install.sources import (
    hash_sources,
    measured,
    package_sources,
    python_variables,
    torch_sources,
)
from launcher.core.install.work import Work, pip_install, scratch, uv, uv_answering
from launcher.core.network.proxies import only_plain
from launcher.core.packages.requirements import locked_names, read_requirements, written
from launcher.core.packages.uv_settings import uv_environment
from launcher.core.process import Output
from launcher.core.pytorch.choice import constraints_of, swapped, torch_arguments, torch_environment
from launcher.core.text import t
from launcher.core.web_address import shown

#: where the builds of Python lie that uv fetches
_GITHUB = "https://github.com/"


def environment(work: Work) -> Iterator[Event]:
    """An empty environment, on the Python that was wished, else the launcher's own where it fits, else uv's find."""
    own = work.plan.own_python
    begin(work.folder)
    if own and own.outside and (own.itself or Path(own.engine or "").exists()):
        return
    is_ours = f"{sys.version_info[0]}.{sys.version_info[1]}" == work.plan.python
    python = (own and own.interpreter) or (sys.executable if is_ours else work.plan.python)
    place = own.venv if own and own.venv else work.folder
    arguments = ["venv", "--quiet", "--python", python, "--no-project", "--no-config", "--allow-existing", str(place)]
    if Path(python).is_absolute():
        yield from uv(work, "environment", arguments, uv_environment(work.pip, work.variables))
    else:
        yield from _with_a_fetched_python(work, arguments)


def _with_a_fetched_python(work: Work, arguments: list[str]) -> Iterator[Event]:
    """uv takes a Python that it finds, else fetches one; where one place does not have it, from the next."""
    *first, last = python_variables(work)
    for more in first:
        try:
            yield from uv(work, "environment", arguments, more, _GITHUB)
            return
        except LauncherError as error:
            if error.code not in ("no-network", "source-refused", "python-not-found"):
                raise
            text = t("{why} Another place is asked for Python.", why=error.message)
        yield Notice("source-failed", "warning", text)
    yield from uv(work, "environment", arguments, last, _GITHUB)


def torch(work: Work) -> Iterator[Event]:
    """torch from exactly one source, and the same bytes as the first time; a card's libraries come from its index."""
    choice = work.plan.torch
    known = pinned(work.workspace, choice)
    wheel = Path(choice.wheel) if choice.wheel else None
    if wheel:
        work.family[wheel.name] = work.hashes = [check_wheel(work.workspace, known, wheel)]
    if choice.index or not wheel:
        sources = torch_sources(work)
        libraries = {name: hashes for name, hashes in known.items() if "==" in name}
        if not libraries:
            sources = yield from measured(work, "torch", sources)
            libraries = yield from _hashes(work, hash_sources(work, sources))
        file = scratch(work, "torch.txt", written(libraries))
        yield from put_in(work, "torch", file, sources)
        work.hashes = work.hashes or next(each for name, each in libraries.items() if name.startswith("torch=="))
        work.family.update(libraries)
    if wheel:
        variables = torch_environment(choice, work.pip, work.variables)
        yield from uv(work, "torch", [*pip_install(work), "--no-deps", "--no-index", str(wheel)], variables)
    if work.family != known:
        pin(work.workspace, choice, work.family)
        yield _pinned(work)


def packages(work: Work) -> Iterator[Event]:
    """Everything else, from the lock: any mirror may serve it, the hashes say whether it is right.

    torch and its family are as before afterwards. LauncherError `torch-swapped` where the lock itself replaces them.
    """
    choice, before = work.plan.torch, installed_versions(work)
    yield from put_in(work, "packages", work.lock, package_sources(work))
    lost = swapped(choice, before, installed_versions(work))
    if not lost:
        return
    changed = ", ".join(lost)
    yield Notice("torch-swapped", "warning", t("The packages have changed {what}; it is put back.", what=changed))
    yield from torch(work)
    if swapped(choice, before, installed_versions(work)):
        raise LauncherError(
            "torch-swapped",
            t("The packages have changed {what}, and it cannot be put back.", what=changed),
            t("Take out of the list of packages what belongs to torch."),
        )


def verify(work: Work) -> Iterator[Event]:
    """The environment proves itself by drawing; what does not is not used."""
    variables = {**only_plain(work.variables), **dict(work.plan.torch.visible)}
    proof = yield from prove([str(work.engine), *work.proof], work.plan.torch, variables, work.cancel)
    torch = work.plan.torch
    keep_recipe(work.folder, recipe_of(torch, work.family), work.lock, constraints_of(torch, installed_versions(work)))
    stamp(work.folder, _stamp(work, proof))


def installed_versions(work: Work) -> dict[str, str]:
    """Of every package in the new environment, by normalised name; {} where its folder has another layout."""
    site = site_packages(work.engine.parent.parent)
    return {each.name: each.version for each in installed_packages(site)} if site else {}


def put_to_use(work: Work) -> Iterator[Event]:
    """One rename makes the new environment the current one."""
    switch(work.workspace, work.folder)
    yield from ()


def _hashes(work: Work, sources: tuple[PackageSource, ...]) -> Generator[Event, None, dict[str, list[str]]]:
    """Which files may come: {"name==version": [SHA-256]}, from the official place as long as it answers.

    Of torch itself those that are known already count, but in the user's own index, which may hold a build of its
    own. LauncherError `hash-mismatch`.
    """
    source, found = yield from first_that_answers(sources, lambda each: _resolve(work, each))
    # of the very wheel for this system and Python: of others' wheels only some are known
    known = None if source.group == "own" else work.plan.torch.sha256
    if not known and source.group not in ("own", "official"):
        yield Notice(
            "torch-unconfirmed",
            "warning",
            t("PyTorch itself could not be asked, so {name} alone says which files are right.", name=source.name),
        )
    for name, hashes in found.items():
        if name.startswith("torch==") and known:
            # PyTorch's index has no hash at all for some of its wheels
            found[name] = [known]
            if hashes and known not in hashes:
                raise LauncherError(
                    "hash-mismatch",
                    t("{source} has another file for {what} than PyTorch published.", source=source.name, what=name),
                    t("Choose another mirror with `gesso mirrors use torch NAME`."),
                )
    return found


def _resolve(work: Work, source: PackageSource) -> Generator[Event, None, dict[str, list[str]]]:
    """Ask the source which files torch and the libraries it brings are; what the lock already holds is left out.

    The file of a wheel on this computer is not among them.
    """
    wanted = scratch(work, "torch.in", torch_arguments(work.plan.torch)[-1] + "\n")
    locked = scratch(work, "locked.txt", "\n".join(locked_names(work.lock)) + "\n")
    arguments = ["pip", "compile", str(wanted), "--excludes", str(locked), "--python", str(work.engine)]
    arguments += ["--generate-hashes", "--no-header", "--no-annotate", *source.arguments]
    answer = []
    for event in uv_answering(work, "torch", arguments, source.variables, source.address):
        if isinstance(event, Output):
            answer.append(event.text)
        else:
            yield event
    return read_requirements("\n".join(answer))


def _pinned(work: Work) -> Notice:
    return Notice(
        "torch-pinned",
        "info",
        t(
            "torch comes from {source}. Its SHA-256 is kept in {file}: from now on nothing else is taken from there.",
            source=shown(work.plan.torch.source or ""),
            file="state/pins.json",
        ),
    )


def _stamp(work: Work, proof: Proof) -> Stamp:
    choice = work.plan.torch
    own = work.plan.own_python
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Stamp(
        torch=choice.build or choice.version,
        tag=choice.tag or "",
        source=shown(choice.source or ""),
        sha256=tuple(work.hashes),
        lock_sha256=sha256(work.lock),
        python=work.plan.python,
        verified_at=now,
        interpreter=own.engine if own else None,
        advice=tuple(flag for flag, _ in proof.advice),
    )
