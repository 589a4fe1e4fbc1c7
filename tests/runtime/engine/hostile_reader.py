"""Lets every reader of model files at a folder of hostile ones; says what the interpreter was asked to do meanwhile.

    python hostile_reader.py HARMLESS FOLDER    prints JSON: {"read": count, "did": [audited events]}

HARMLESS holds files of the same forms: with them everything is imported that a reader imports late. What a process of
its own does in the product is done in this one, so that it is watched too.
"""

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from launcher.core.errors import LauncherError
from launcher.core.models.outline import BrokenError
from launcher.core.models.outline import read_outline as launcher_outline
from runtime.engine.networks.embedding_files import read_embedding
from runtime.engine.networks.files import read_lora
from runtime.engine.outline import read_outline
from runtime.engine.pickles import reader as pickle_reader
from runtime.engine.tensors import open_tensors, read_tensors
from runtime.engine.upscale.loading import load_network
from runtime.engine.vae_file import load_vae
from runtime.library import Library
from runtime.request import RequestError
from runtime.safetensors_header import read_header
from tests.runtime.engine.read_here import Here

#: what no reading of a model may bring about
FORBIDDEN = {
    *(
        "exec",
        "compile",
        "import",
        "pickle.find_class",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "os.spawn",
    ),
    *("subprocess.Popen", "socket.connect", "socket.getaddrinfo", "ctypes.dlopen", "code.__new__", "os.remove"),
    *(
        "os.rename",
        "os.rmdir",
        "os.symlink",
        "shutil.rmtree",
        "urllib.Request",
        "marshal.loads",
        "os.putenv",
        "pty.spawn",
    ),
    *(
        "webbrowser.open",
        "os.kill",
        "signal.pthread_kill",
        "sys.settrace",
        "os.chmod",
        "os.truncate",
        "tempfile.mkstemp",
    ),
}


def opened(path: Path) -> None:
    with open_tensors(path) as found:
        for name in found.header.tensors:
            found.get(name)


def load_vae_file(path: Path) -> None:
    load_vae(path, torch.float32)


READERS = (
    read_header,
    read_outline,
    read_tensors,
    opened,
    read_embedding,
    read_lora,
    load_network,
    load_vae_file,
    launcher_outline,
)


def main(harmless: Path, folder: Path) -> None:
    pickle_reader._read_alone = lambda path, _stamp: Here().read(path)
    files = sorted(folder.iterdir())
    did: list[str] = []
    watching = [False]
    sys.addaudithook(
        lambda event, about: did.append(f"{event} {about!r:.200}") if watching[0] and event in FORBIDDEN else None
    )
    read_all(harmless)
    watching[0] = True
    read_all(folder)
    watching[0] = False
    print(json.dumps({"read": len(files), "did": did}))


def read_all(folder: Path) -> None:
    Library((folder,), None, None).checkpoints()
    for path in sorted(folder.iterdir()):
        for reader in READERS:
            attempt(reader, path)


def attempt(reader: Callable[[Path], object], path: Path) -> None:
    """Any other failure than a named one ends this process."""
    with contextlib.suppress(RequestError, LauncherError, BrokenError):
        reader(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
