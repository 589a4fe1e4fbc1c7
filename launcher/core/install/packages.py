"""Puts the packages of a requirement file in: from what lies here, else fetched first, else as uv fetches them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from launcher.core.errors import LauncherError
from launcher.core.events import Event, Line, Notice
from launcher.core.install.package_sources import PackageSource, addresses
from launcher.core.install.prefetch import fetch
from launcher.core.install.sources import leave_alone, measured
from launcher.core.install.wheelhouse import is_there, pages, place, wheelhouse, write_index
from launcher.core.install.work import Work, pip_install, scratch, uv
from launcher.core.packages.requirements import read_requirements
from launcher.core.packages.uv_settings import uv_environment
from launcher.core.packages.wheels import WheelFile, read_pylock
from launcher.core.text import t

T = TypeVar("T")
#: what uv says where something that it may not fetch is missing; anything else ends the step
_NOT_HERE = ("package-not-found", "uv-failed", "no-network", "hash-mismatch", "source-refused")
#: a source that fails so is left for the next one
_ELSEWHERE = ("package-not-found", "no-network", "source-refused", "certificate", "wheels-unsuited")
#: what our own downloads cannot do and uv may: build from source, ask a keyring, trust a company's certificate
_FOR_UV = ("wheels-unsuited", "source-refused", "package-not-found", "download-unauthorized", "download-certificate")


def put_in(work: Work, step: str, requirements: Path, sources: Sequence[PackageSource]) -> Iterator[Event]:
    """Install exactly what `requirements` pins, from the first of `sources` (the user's own) or another.

    Raises LauncherError as uv's words or the downloads mean; what was fetched is kept.
    """
    exactly = ["--no-deps", "--require-hashes", "-r", str(requirements)]
    if (yield from _from_here(work, step, exactly, sources[0])):
        return
    try:
        files = yield from _fetched(work, step, requirements, sources)
    except LauncherError as error:
        if error.code not in _FOR_UV:
            raise
        yield Notice("wheels-by-uv", "info", t("{why} uv fetches them itself.", why=error.message))
        source = sources[0]
        yield from uv(work, step, [*pip_install(work), *source.arguments, *exactly], source.variables, source.address)
        return
    index = write_index(wheelhouse(work.workspace), files)
    closed = uv_environment(work.pip, work.variables, indexes=False)
    yield from uv(work, step, [*pip_install(work), "--offline", "--default-index", index, *exactly], closed)


def collect(
    work: Work, step: str, requirements: Path, sources: Sequence[PackageSource]
) -> Generator[Event, None, list[Path]]:
    """The wheels that `requirements` means, wherever they lie on this computer; those that are not here are fetched."""
    house = wheelhouse(work.workspace)
    here = replace(sources[0], arguments=(*sources[0].arguments, "--offline"), variables=_with_ours(work, sources[0]))
    try:
        files = yield from _ask(work, step, requirements, here)
    except LauncherError as error:
        if error.code not in _NOT_HERE:
            raise
        files = ()
    if not files or not all(file.local and is_there(house, file) for file in files):
        files = yield from _fetched(work, step, requirements, sources)
    return [place(house, file) for file in files]


def _fetched(
    work: Work, step: str, requirements: Path, sources: Sequence[PackageSource]
) -> Generator[Event, None, tuple[WheelFile, ...]]:
    sources = yield from measured(work, step, tuple(sources))
    source, files = yield from resolved(work, step, requirements, sources)
    others = [each for each in sources if each is not source]
    yield from fetch(
        step,
        files,
        wheelhouse(work.workspace),
        lambda file: addresses(file, source, others),
        route=work.router,
        cancel=work.cancel,
        limit=work.limit,
    )
    return files


def resolved(
    work: Work, step: str, requirements: Path, sources: Sequence[PackageSource]
) -> Generator[Event, None, tuple[PackageSource, tuple[WheelFile, ...]]]:
    """The first source that can be asked, and which files `requirements` means there."""

    def ask(source: PackageSource) -> Generator[Event, None, tuple[WheelFile, ...]]:
        return _ask(work, step, requirements, source)

    return (yield from first_that_answers(sources, ask, lambda source: leave_alone(work, step, source)))


def first_that_answers(
    sources: Sequence[PackageSource],
    ask: Callable[[PackageSource], Generator[Event, None, T]],
    failed: Callable[[PackageSource], None] = lambda _: None,
) -> Generator[Event, None, tuple[PackageSource, T]]:
    """What `ask` gives for the first source that can be asked and has it all; `failed` hears of each before it."""
    source, *others = sources
    try:
        return source, (yield from ask(source))
    except LauncherError as error:
        if error.code not in _ELSEWHERE or not others:
            raise
        failure = error
    text = t("{why} {name} is asked instead.", why=failure.message, name=others[0].name)
    yield Notice("source-failed", "warning", text)
    try:
        answer = yield from first_that_answers(others, ask, failed)
    except LauncherError as error:
        # What the preferred source said is the news, not what the last of the others did.
        raise failure if error.code in _ELSEWHERE else error from error
    # Another has it, so the fault was its own.
    failed(source)
    return answer


def _ask(
    work: Work, step: str, requirements: Path, source: PackageSource
) -> Generator[Event, None, tuple[WheelFile, ...]]:
    answer = scratch(work, f"pylock.{step}.toml")
    arguments = ["pip", "compile", str(requirements), "--no-deps", "--python", str(work.engine), "--no-header"]
    arguments += ["--format", "pylock.toml", "--output-file", str(answer), "--quiet", *source.arguments]
    yield from uv(work, step, arguments, source.variables, source.address)
    allowed = read_requirements(requirements.read_text(encoding="utf-8"))
    return read_pylock(answer, allowed, work.plan.python)


def _from_here(work: Work, step: str, exactly: Sequence[str], source: PackageSource) -> Generator[Event, None, bool]:
    """Whether what was fetched before, uv's cache and the folders on this computer had everything.

    What they lack is said by nobody; a file that is damaged is. All indexes count together here: the hashes say what
    may be taken.
    """
    arguments = [*pip_install(work), *source.arguments, "--offline", *exactly]
    heard = []
    try:
        for event in uv(work, step, arguments, _with_ours(work, source)):
            if isinstance(event, Line):
                heard.append(event)
            else:
                yield event
    except LauncherError as error:
        if error.code not in _NOT_HERE:
            raise
        if error.code in ("uv-failed", "hash-mismatch"):
            text = t("{why} It is looked for elsewhere.", why=error.message)
            yield Notice("wheel-elsewhere", "warning", text)
        return False
    yield from heard
    return True


def _with_ours(work: Work, source: PackageSource) -> dict[str, str]:
    """The variables of a source, with the index of what was fetched before in front."""
    ours = pages(wheelhouse(work.workspace)).as_uri()
    indexes = f"{ours} {source.variables.get('UV_INDEX', '')}".strip()
    return {**source.variables, "UV_INDEX": indexes, "UV_INDEX_STRATEGY": "unsafe-best-match"}
