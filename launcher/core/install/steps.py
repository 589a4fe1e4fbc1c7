"""The steps of an install, each of them events until it is done or a LauncherError."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from launcher.core.environments.environments import Stamp, begin, stamp, take_back
from launcher.core.environments.pins import check_wheel, pin, pinned
from launcher.core.environments.recipes import keep_recipe, recipe_of
from launcher.core.environments.site_packages import installed_packages, site_packages
from launcher.core.environments.unproven import UNPROVEN, forget_unproven, note_unproven
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
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
from launcher.core.network.mirrors import PYTHON_BUILDS
from launcher.core.network.proxies import only_plain
from launcher.core.packages.requirements import locked_names, read_requirements, written
from launcher.core.packages.uv_settings import uv_environment
from launcher.core.process import Output
from launcher.core.pytorch.choice import constraints_of, swapped, torch_arguments, torch_environment
from launcher.core.text import Text, t
from launcher.core.web_address import shown

#: an xFormers that fails so is not to be had; what the network or the disk does is no fault of its own
_NOT_TO_BE_HAD = (
    "package-not-found",
    "source-refused",
    "wheels-unsuited",
    "uv-failed",
    "download-refused",
    "download-not-found",
)


def environment(work: Work) -> Iterator[Event]:
    """An empty environment, on the Python that was wished, else the launcher's own where it fits, else uv's find."""
    own = work.plan.own_python
    begin(work.folder)
    if own and own.engine:
        # what is proven of that Python will no longer be true
        take_back(work.workspace, own.engine)
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
            yield from uv(work, "environment", arguments, more, PYTHON_BUILDS)
            return
        except LauncherError as error:
            if error.code not in ("no-network", "source-refused", "python-not-found"):
                raise
            text = t("{why} Another place is asked for Python.", why=error.message)
        yield Notice("source-failed", "warning", text)
    yield from uv(work, "environment", arguments, last, PYTHON_BUILDS)


def torch(work: Work) -> Iterator[Event]:
    """torch from exactly one source, and the same bytes as the first time; a card's libraries come from its index, and
    so does xFormers where it is asked for."""
    choice = work.plan.torch
    known = pinned(work.workspace, choice)
    wheel = Path(choice.wheel) if choice.wheel else None
    if wheel:
        work.family[wheel.name] = work.hashes = [check_wheel(work.workspace, known, wheel)]
    if choice.index or not wheel:
        sources = torch_sources(work)
        libraries = {name: hashes for name, hashes in known.items() if "==" in name and not _is_xformers(name)}
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
    if choice.with_xformers:
        yield from _xformers_or_not(work, known)
    # what was pinned stays pinned where it is not asked for today
    pins = {**{name: hashes for name, hashes in known.items() if _is_xformers(name)}, **work.family}
    if pins != known:
        pin(work.workspace, choice, pins)
        yield _pinned(work)


def _xformers_or_not(work: Work, known: dict[str, list[str]]) -> Iterator[Event]:
    """xFormers beside torch; where it is not to be had that is said and noted, and torch is used without it."""
    choice = work.plan.torch
    try:
        yield from _xformers(work, known)
    except LauncherError as error:
        if error.code not in _NOT_TO_BE_HAD:
            raise
        note_unproven(work.workspace, choice, xformers=True)
        work.plan = replace(work.plan, torch=replace(choice, with_xformers=False))
        text = t(
            "{why} PyTorch is installed without xFormers {version}. That is kept in {file}: it is not tried again.",
            why=error.message,
            version=choice.xformers,
            file=f"state/{UNPROVEN}",
        )
        yield Notice("xformers-not-installed", "warning", text)


def _xformers(work: Work, known: dict[str, list[str]]) -> Iterator[Event]:
    """From the one place that torch comes from, and the same bytes as the first time; resolved together with torch,
    so that it goes with it."""
    wanted, sources = f"xformers=={work.plan.torch.xformers}", torch_sources(work)
    found = {name: hashes for name, hashes in known.items() if name.partition("+")[0] == wanted}
    if not found:
        sources = yield from measured(work, "torch", sources)
        # what would have to be compiled takes hours, and tools that hardly anybody has
        answer = yield from _hashes(work, hash_sources(work, sources), f"{wanted}\n--only-binary xformers\n")
        there = {name.partition("==")[0] for name in work.family} | {"torch"}
        found = {name: hashes for name, hashes in answer.items() if name.partition("==")[0] not in there}
    if not all(found.values()):
        text = t("The source gives no SHA-256 for xFormers {version}.", version=work.plan.torch.xformers)
        raise LauncherError("package-not-found", text, t("Choose another mirror with `gesso mirrors use torch NAME`."))
    yield from put_in(work, "torch", scratch(work, "xformers.txt", written(found)), sources)
    work.family.update(found)


def _is_xformers(requirement: str) -> bool:
    return requirement.startswith("xformers==")


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
    # the proof leaves the bytecode of all that a start imports, or every start would compile it anew
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    torch = work.plan.torch
    try:
        proof = yield from prove([str(work.engine), *work.proof], torch, variables, work.cancel)
    except LauncherError as error:
        raise error if not _is_outside(work) else type(error)(error.code, error.message, _stays(work)) from None
    keep_recipe(work.folder, recipe_of(torch, work.family), work.lock, constraints_of(torch, installed_versions(work)))
    stamp(work.folder, _stamp(work, proof))
    forget_unproven(work.workspace, torch)


def _is_outside(work: Work) -> bool:
    """Its packages are put into a Python that is not Gesso's."""
    return work.plan.own_python is not None and work.plan.own_python.outside


def _stays(work: Work) -> Text:
    return t(
        "Gesso does not use it, but the packages stay in {python}: what was there before was replaced. "
        "`gesso install` tries again; without VENV_DIR it makes an environment of its own.",
        python=work.engine,
    )


def installed_versions(work: Work) -> dict[str, str]:
    """Of every package in the new environment, by normalised name; {} where its folder has another layout."""
    site = site_packages(work.engine.parent.parent)
    return {each.name: each.version for each in installed_packages(site)} if site else {}


def _hashes(
    work: Work, sources: tuple[PackageSource, ...], more: str = ""
) -> Generator[Event, None, dict[str, list[str]]]:
    """Which files may come: {"name==version": [SHA-256]}, from the official place as long as it answers. `more`: lines
    of a requirement file beside torch's.

    Of torch itself those that are known already count, but in the user's own index, which may hold a build of its
    own. LauncherError `hash-mismatch`.
    """
    source, found = yield from first_that_answers(sources, lambda each: _resolve(work, each, more))
    # of the very wheel for this system and Python: of others' wheels only some are known
    known = None if source.group == "own" or more else work.plan.torch.sha256
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


def _resolve(work: Work, source: PackageSource, more: str) -> Generator[Event, None, dict[str, list[str]]]:
    """Ask the source which files torch and the libraries it brings are; what the lock already holds is left out.

    The file of a wheel on this computer is not among them.
    """
    wanted = scratch(work, "torch.in", f"{torch_arguments(work.plan.torch)[-1]}\n{more}")
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
        lock_sha256=work.lock_sha256,
        python=work.plan.python,
        verified_at=now,
        interpreter=own.engine if own else None,
        advice=tuple(flag for flag, _ in proof.advice),
    )
