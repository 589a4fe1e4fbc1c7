"""The launcher's own environment, made, made anew and added to by launcher/bootstrap.py, cut off at each step.

The tools that it starts (venv, pip, uv) are stood in for by what they would write; `start_programs` has the real ones.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from launcher.core.paths import checkout
from tests.release.kill_points import Work
from tests.release.launcher_works import put

LOCK = "textual==1.0 \\\n    --hash=sha256:{}\nuv==1.0 \\\n    --hash=sha256:{}\n"
SENTENCES = "launcher/data/first_words.txt"


class RefusedError(Exception):
    """What the bootstrap ended with, by the key of its sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code, self.message = code, message


class HandedOverError(BaseException):
    """It would become the launcher now."""


def bootstrap(folder: Path) -> ModuleType:
    """That of the Gesso below `folder`, with the stand-ins for its tools."""
    spec = importlib.util.spec_from_file_location("bootstrap", folder / "gesso/launcher/bootstrap.py")
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    found.run = lambda command, cwd=None: tool(found, [str(word) for word in command])  # type: ignore[attr-defined]
    found.become = handed_over  # type: ignore[attr-defined]
    return found


def handed_over(command: list[str]) -> NoReturn:
    raise HandedOverError(" ".join(command))


def tool(module: ModuleType, command: list[str]) -> tuple[int, str]:
    """Writes as venv, pip or uv do: plainly, in the place; its exit code and what it says."""
    place: Path = module.VENV.resolve()
    try:
        if command[1:4] == ["-I", "-m", "venv"]:
            put(place, "pyvenv.cfg", "home = /usr/bin\n")
            put(place, "bin/python", "#!/bin/sh\n", 0o755)
        elif "--requirement" in command:
            for name, version in packages(Path(command[command.index("--requirement") + 1])):
                put(place, f"lib/{name}/__init__.py", f"{name} {version}\n")
                put(place, f"bin/{name}", "#!/bin/sh\n", 0o755)
        elif "--editable" in command:
            put(place, "lib/gesso.pth", str(module.CHECKOUT))
            put(place, "bin/gesso", "#!/bin/sh\n", 0o755)
        else:
            assert command[1:3] == ["-I", "-c"], command
    except OSError as error:
        return 1, str(error)
    return 0, ""


def packages(lock: Path) -> list[tuple[str, str]]:
    return re.findall(r"^(\S+)==(\S+)", lock.read_text("utf-8"), re.MULTILINE)


def a_gesso(folder: Path) -> None:
    """A fresh one; something of the user's beside."""
    for name in ("launcher/bootstrap.py", SENTENCES):
        put(folder / "gesso", name, (checkout() / name).read_bytes())
    put(folder / "gesso", "launcher/data/locks/launcher.txt", LOCK.format("1" * 64, "2" * 64))
    put(folder / "gesso", "launcher/data/locks/dev.txt", f"pytest==1.0 \\\n    --hash=sha256:{'3' * 64}\n")
    put(folder / "gesso", "pyproject.toml", '[project]\nname = "gesso"\nversion = "0.1.0"\n')
    put(folder / "gesso", "workspace/outputs/mine.png", b"mine")


def an_updated_gesso(folder: Path) -> None:
    """Its environment is of the lock before, on another disk; its tests ran."""
    a_gesso(folder)
    (folder / "disk").mkdir()
    (folder / "gesso/.launcher").symlink_to(folder / "disk")
    made(folder, "test")
    put(folder / "gesso", "launcher/data/locks/launcher.txt", LOCK.format("4" * 64, "5" * 64).replace("1.0", "2.0"))


def a_gesso_of_another_version(folder: Path) -> None:
    """Its locks are as they were."""
    a_gesso(folder)
    made(folder)
    put(folder / "gesso", "pyproject.toml", '[project]\nname = "gesso"\nversion = "0.2.0"\n')


def made(folder: Path, *words: str) -> list[str]:
    """As install.sh starts it, to where it would become the launcher."""
    module, said = bootstrap(folder), []
    module.say = lambda key, detail="": said.append((key, detail))  # type: ignore[attr-defined]
    try:
        code = module.main(list(words))
    except HandedOverError:
        assert module.is_stamped(*module.parts_for(list(words)))
        return []
    key, detail = said[-1]
    sentences = [line for line in (folder / "gesso" / SENTENCES).read_text("utf-8").splitlines()
                 if line.startswith(f"{key}: ")]  # fmt: skip
    assert (code, len(sentences)) == (1, 2), said
    raise RefusedError(key, detail or sentences[1])


def stamps_are_true(folder: Path) -> None:
    """Whatever is stamped is there as a whole, and of what lies here now."""
    module = bootstrap(folder)
    place: Path = module.VENV
    for part in ("launcher", "dev"):
        for name, version in packages(module.LOCKS / f"{part}.txt") if module.is_stamped(part) else ():
            assert (place / f"lib/{name}/__init__.py").read_text() == f"{name} {version}\n", part
            assert (place / f"bin/{name}").stat().st_mode & 0o111, part
    if module.is_stamped("gesso"):
        assert (place / "lib/gesso.pth").read_text() == str(module.CHECKOUT)
        assert (place / "bin/gesso").is_file()


def it_is_made(folder: Path) -> None:
    """To its end, with nothing of a run before."""
    module = bootstrap(folder)
    assert module.is_stamped("launcher", "gesso")
    left = [each.name for each in module.VENV.iterdir() if each.name == module.BEGUN or each.suffix == ".part"]
    assert left == []


def with_tests(folder: Path) -> None:
    it_is_made(folder)
    assert bootstrap(folder).is_stamped("dev")


def other_things_there(folder: Path) -> None:
    """A folder of the user's has the name."""
    a_gesso(folder)
    shutil.rmtree(folder / "gesso/workspace")
    put(folder / "gesso", ".launcher/wedding.jpg", b"mine")


def refused(folder: Path) -> list[str]:
    try:
        made(folder)
    except RefusedError as error:
        if error.code == "not-ours":
            return []
        raise
    raise AssertionError("it was taken for Gesso's own")


OWN = ("gesso/.launcher.lock", "gesso/.launcher-tools/*")
#: judged by `stamps_are_true` and by what has to be there after the next start
PLACE = ("gesso/.launcher/*", "disk/*")
WORKS = (
    Work("bootstrap", a_gesso, made, stamps_are_true, after=it_is_made, own=OWN, varies=PLACE),
    Work("bootstrap-anew", an_updated_gesso, made, stamps_are_true, after=it_is_made, own=OWN, varies=PLACE),
    Work("bootstrap-version", a_gesso_of_another_version, made, stamps_are_true, after=it_is_made, own=OWN,
         varies=PLACE),
    Work("bootstrap-tests", an_updated_gesso, lambda folder: made(folder, "test"), stamps_are_true, after=with_tests,
         own=OWN, varies=PLACE, dear=True),
    Work("bootstrap-not-ours", other_things_there, refused, own=OWN),
)  # fmt: skip
