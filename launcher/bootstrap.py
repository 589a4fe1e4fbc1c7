"""Makes the launcher's own environment, `.launcher/`, and starts the launcher in it; standard library only.

Check, do, check, stamp: the stamp is removed first and written last, so whatever interrupted a run, the next one sees
no stamp and starts anew. Started by install.sh and install.ps1 with any Python 3.10 or newer.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import itertools
import json
import os
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".launcher"
STORE = CHECKOUT / ".launcher-tools"
LOCKS = CHECKOUT / "launcher" / "data" / "locks"
WINDOWS = os.name == "nt"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
UV = VENV / ("Scripts/uv.exe" if WINDOWS else "bin/uv")
# The same as in install.sh, install.ps1 and mirrors.toml, which cannot be read yet: Python 3.10 has no TOML reader.
MIRRORS = (
    "https://mirrors.cloud.tencent.com/pypi/simple",
    "https://mirrors.aliyun.com/pypi/simple",
    "https://pypi.tuna.tsinghua.edu.cn/simple",
)
# Lies in `.launcher` while it is made: a run that was killed leaves what the next one may empty.
BEGUN = "stamp.begun"
# Set for the Python in `.launcher`: a fresh environment that does not fit is a fault, not a reason to make it again.
FRESH = "GESSO_LAUNCHER_IS_FRESH"
MODULES = ("psutil", "pynvml", "requests", "textual", "launcher")
PROOF = f"import {', '.join(MODULES)}"
# What another Python, conda or the user's pip and uv settings could bend: the environment must come out the same.
FOREIGN = ("PYTHON", "__PYVENV", "CONDA_", "VIRTUAL_ENV", "UV_", "PIP_")
# Of pip's settings, those that say where packages come from and how one gets there.
WAY_THERE = {f"PIP_{name}" for name in (
    "CONFIG_FILE", "INDEX_URL", "EXTRA_INDEX_URL", "NO_INDEX", "FIND_LINKS", "TRUSTED_HOST", "PROXY", "CERT",
    "CLIENT_CERT", "TIMEOUT", "DEFAULT_TIMEOUT", "RETRIES", "CACHE_DIR", "NO_CACHE_DIR", "KEYRING_PROVIDER",
)}  # fmt: skip
# Bytes that a whole environment takes, with what is fetched for it; first_words.txt names them too.
ROOM = 300 << 20
# What a terminal obeys has no place in what a program or a mirror says.
_MARKS = (0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
CONTROLS = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160), *_MARKS))


class TroubleError(Exception):
    """A named failure: `key` names its sentences in data/first_words.txt."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def say(key: str, detail: str = "") -> None:
    """Both languages' sentences on standard error: standard output belongs to the launcher's own answer."""
    for line in (CHECKOUT / "launcher" / "data" / "first_words.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{key}: "):
            sys.stderr.write(line.removeprefix(f"{key}: ") + "\n")
    if detail:
        sys.stderr.write(detail.rstrip().translate(CONTROLS) + "\n")
    sys.stderr.flush()


def stamp_of(part: str) -> str:
    """What a part must be made from: its lock (of Gesso pyproject.toml), its place (it cannot move), its Python."""
    source = CHECKOUT / "pyproject.toml" if part == "gesso" else LOCKS / f"{part}.txt"
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    return json.dumps({"made_from": digest, "checkout": str(CHECKOUT), "python": python})


def stamp_file(part: str) -> Path:
    return VENV / ("stamp.json" if part == "launcher" else f"stamp-{part}.json")


def is_stamped(*parts: str) -> bool:
    """Whether these parts of `.launcher` were made to their end from what lies here now."""
    needed = (PYTHON, UV, VENV / "pyvenv.cfg")
    try:
        if not all(file.exists() for file in needed):
            return False
        return all(stamp_file(part).read_text(encoding="utf-8") == stamp_of(part) for part in parts)
    except (OSError, ValueError):
        return False


def is_whole() -> bool:
    """Whether what the launcher imports first is still there; asked in the Python of `.launcher`."""
    return all(importlib.util.find_spec(name) for name in MODULES)


def write_stamp(part: str) -> None:
    """Beside, forced to the disk, then renamed: a half-written stamp never bears the name."""
    beside = stamp_file(part).with_suffix(".part")
    with beside.open("w", encoding="utf-8") as file:
        file.write(stamp_of(part))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(stamp_file(part))


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Holds `.launcher.lock`; a second run waits. The system lets go of it when its holder dies, however it dies."""
    with (CHECKOUT / ".launcher.lock").open("a+b") as file:
        # pip and uv inherit it: one that outlives us still writes, and the next run must wait for its end.
        os.set_inheritable(file.fileno(), True)
        if not take_lock(file.fileno()):
            say("waiting")
            wait_for(file.fileno())
        yield


def take_lock(descriptor: int) -> bool:
    """True once the lock is ours; False while another process holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True


def end_update() -> bool:
    """True if an update that was killed is ended now, so that one version lies here; OSError: that cannot be done."""
    if not (STORE / "update" / "update-under-way.json").is_file():
        return False
    end = runpy.run_path(str(CHECKOUT / "launcher" / "core" / "update" / "unfinished.py"))["end_unfinished"]
    if not end(CHECKOUT, wait_for):
        return False
    say("update-ended")
    return True


def wait_for(descriptor: int) -> None:
    """Comes back with the lock in our hands."""
    while not take_lock(descriptor):
        time.sleep(0.2)


def child_environment() -> dict[str, str]:
    """The variables for pip and uv: nothing of another Python's, caches and temporary files inside the checkout."""
    ours = [name for name in os.environ if name.upper() in WAY_THERE or not name.upper().startswith(FOREIGN)]
    child = {name: os.environ[name] for name in ours}
    child.setdefault("PIP_CACHE_DIR", str(STORE / "cache"))
    child.setdefault("PIP_RETRIES", "2")
    child.update({name: str(STORE / "tmp") for name in ("TMPDIR", "TEMP", "TMP")})
    child.update(PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONUTF8="1", PYTHONNOUSERSITE="1")
    return child


def run(command: list[str], cwd: Path | None = None) -> tuple[int, str]:
    """Runs a tool with its output on our standard error; returns its exit code and what it said there as errors."""
    said: list[str] = []
    (STORE / "tmp").mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        command, cwd=cwd, env=child_environment(), stdin=subprocess.DEVNULL, stdout=sys.stderr,
        stderr=subprocess.PIPE, encoding="utf-8", errors="replace", close_fds=False,
    ) as child:  # fmt: skip
        for line in child.stderr or ():
            said.append(line)
            sys.stderr.write(line.translate(CONTROLS))
    return child.returncode, "".join(said)


def make_environment() -> None:
    """`.launcher` from nothing: a venv, the locked packages, Gesso itself, a proof, the stamps."""
    # A pack that will not do is said before anything is taken away.
    pack_in(sys.argv[1:])
    say("preparing")
    # `.launcher` may be a link to a folder on another disk, which then is made anew; venv itself refuses a link.
    place, python = VENV.resolve(), base_python()
    empty_out(place)
    shutil.rmtree(STORE / "tmp", ignore_errors=True)
    must_work([python, "-I", "-m", "venv", str(place)], "no-venv")
    install_lock("launcher")
    install_gesso()
    must_work([str(PYTHON), "-I", "-c", PROOF], "broken")
    # Before the last stamp: after it nobody looks for what is left to do.
    (place / BEGUN).unlink()
    write_stamp("launcher")


def empty_out(place: Path) -> None:
    """An empty folder with our mark in it; TroubleError if what lies there is no environment that we made or began."""
    there = list(place.iterdir()) if place.exists() else []
    stamps = [stamp_file(part) for part in ("launcher", "gesso", "dev")]
    marks = {BEGUN, *(stamp.with_suffix(ending).name for stamp in stamps for ending in (".json", ".part"))}
    if there and not any(each.name in {"pyvenv.cfg", *marks} for each in there):
        raise TroubleError("not-ours")
    place.mkdir(parents=True, exist_ok=True)
    (place / BEGUN).touch()
    # The stamps go first: from here on nobody takes what lies there for whole.
    for each in sorted(there, key=lambda each: each.name not in marks):
        if each.name == BEGUN:
            continue
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def base_python() -> str:
    """The Python outside `.launcher` that runs or underlies this one."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    # One that has lost its pyvenv.cfg takes itself for a Python of its own.
    return os.path.realpath(base) if Path(base).is_relative_to(VENV) else str(base)


def install_lock(lock: str) -> None:
    """The locked packages from the pack, else from the user's own index, which pip knows, else from the first mirror
    that serves them."""
    pip = [str(PYTHON), "-I", "-m", "pip", "install", "--require-hashes", "--only-binary", ":all:", "--no-deps"]
    pip += ["--no-warn-script-location", "--requirement", str(LOCKS / f"{lock}.txt")]
    # The progress is for people; a log keeps what went wrong.
    pip += [] if sys.stderr.isatty() else ["-qq"]
    if pack := pack_in(sys.argv[1:]):
        code, said = run([*pip, "--no-index", "--find-links", str(pack / "wheels")])
        if code:
            raise TroubleError(trouble_in(said, "pack-lacks"))
        return
    for mirror in (None, *MIRRORS):
        if mirror:
            say("trying-mirror", mirror)
        code, said = run([*pip, *(["--index-url", mirror] if mirror else [])])
        if code == 0:
            return
        if told_in(said):
            break
    raise TroubleError(trouble_in(said, "no-packages"))


def install_gesso() -> None:
    """Gesso itself, editable, so that `.launcher/bin/gesso` exists; uv builds that without a network."""
    stamp_file("gesso").unlink(missing_ok=True)
    command = [str(UV), "pip", "install", "--python", str(PYTHON), "--no-deps", "--offline", "--no-config"]
    # As the folder that uv works in: a path with a bracket or # in it would be read as a name with something behind.
    must_work([*command, "--no-cache", "--quiet", "--reinstall", "--editable", "."], "broken", CHECKOUT)
    write_stamp("gesso")


def must_work(command: list[str], otherwise: str, cwd: Path | None = None) -> None:
    """Runs a tool; TroubleError with the sentence that fits if it fails."""
    code, said = run(command, cwd)
    if code:
        raise TroubleError(trouble_in(said, otherwise))


def trouble_in(said: str, otherwise: str) -> str:
    """Which sentence fits what a tool said, or kept to itself, as venv does with what its pip said."""
    return told_in(said) or (otherwise if has_room() else "disk-full")


def told_in(said: str) -> str | None:
    """A full disk or a missing right, if a tool told of them: no other network helps there."""
    if any(words in said for words in ("No space left on device", "not enough space on the disk", "quota exceeded")):
        return "disk-full"
    refused = any(words in said for words in ("Permission denied", "Access is denied", "Read-only file system"))
    return "not-writable" if refused else None


def has_room() -> bool:
    """Whether an environment would find place; True too where the system does not tell."""
    try:
        return shutil.disk_usage(CHECKOUT).free >= ROOM
    except OSError:
        return True


def trouble_of(error: OSError) -> str:
    """Which sentence fits what the system refused."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return "disk-full"
    # What should be a folder is a file.
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        return "not-ours"
    # A tool that should lie in `.launcher` by then.
    if error.errno == errno.ENOENT:
        return "broken"
    return "not-writable"


def pack_in(arguments: list[str]) -> Path | None:
    """The folder after `--from`; TroubleError if it is no finished pack, or one of another Gesso."""
    words = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    given = [word.removeprefix("--from=") for word in words if word.startswith("--from=")]
    given += [after for word, after in itertools.pairwise(words) if word == "--from"]
    if not given:
        return None
    pack = Path(os.path.expanduser(given[-1])).absolute()  # noqa: PTH111 - Path's raises where nobody has that name
    try:
        description = json.loads((pack / "pack.json").read_text(encoding="utf-8"))
        lock = hashlib.sha256((LOCKS / "launcher.txt").read_bytes()).hexdigest()
        if not (pack / "SHA256SUMS").is_file():
            raise TroubleError("no-pack")
        if description["launcher_lock_sha256"] != lock:
            raise TroubleError("pack-other")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TroubleError("no-pack") from error
    return pack


def parts_for(arguments: list[str]) -> tuple[str, ...]:
    return ("launcher", "gesso", "dev") if arguments[:1] == ["test"] else ("launcher", "gesso")


def prepare(parts: tuple[str, ...]) -> None:
    """Brings `.launcher` to the state that is asked for; costs nothing when it is there."""
    if is_stamped(*parts):
        return
    with only_one():
        if not is_stamped("launcher"):
            make_environment()
        if not is_stamped("gesso"):
            install_gesso()
        if not is_stamped(*parts):
            say("preparing-tests")
            stamp_file("dev").unlink(missing_ok=True)
            install_lock("dev")
            write_stamp("dev")


def become(command: list[str]) -> NoReturn:
    """Ends as `command`: this very process where the system can do that, else a child whose exit code is passed on."""
    if not WINDOWS:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    while True:
        with subprocess.Popen(command) as child:
            while child.poll() is None:
                # Ctrl-C reaches the child too, which decides what it means.
                with contextlib.suppress(KeyboardInterrupt):
                    child.wait()
        sys.exit(child.returncode)


def hand_over(arguments: list[str]) -> NoReturn:
    """In `.launcher`: the tests, the launcher as install.sh starts it, or (`--as-gesso`) the launcher as it is."""
    # Neither another Python's modules nor our own mark are for the launcher and the children it starts.
    for name in (FRESH, "PYTHONHOME", "PYTHONPATH"):
        os.environ.pop(name, None)
    # -I: a psutil.py in the folder that the user happens to be in must not be imported.
    python = [str(PYTHON), "-I"]
    if arguments[:1] == ["test"]:
        become([*python, str(CHECKOUT / "tests" / "run.py"), *arguments[1:]])
    if arguments[:1] == ["--as-gesso"]:
        become([*python, "-m", "launcher", *arguments[1:]])
    become([*python, "-m", "launcher", "--from-install", *arguments])


def main(arguments: list[str]) -> int:
    """Prepares and hands over; 1 after a named failure, 130 when interrupted."""
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    try:
        if end_update():
            # What runs now may be of the version that was given up.
            become([sys.executable, "-I", str(Path(__file__).resolve()), *arguments])
        parts = parts_for(arguments)
        if not inside:
            prepare(parts)
            os.environ[FRESH] = "1"
            become([str(PYTHON), "-I", str(Path(__file__).resolve()), *arguments])
        if is_stamped(*parts) and is_whole():
            hand_over(arguments)
        if FRESH in os.environ:
            raise TroubleError("broken")
        if not is_whole():
            stamp_file("launcher").unlink(missing_ok=True)
        become([base_python(), "-I", str(Path(__file__).resolve()), *arguments])
    except TroubleError as trouble:
        say(trouble.key)
    except OSError as error:
        say(trouble_of(error), str(error))
    except KeyboardInterrupt:
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
