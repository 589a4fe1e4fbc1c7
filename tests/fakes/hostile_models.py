"""Model files that would run something if anybody let them: gadgets, ways to pack them, and tricks that hide them.

Each file's payload, run by the standard library, creates the canary that it is given. Nothing here is run by making it.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

_ZIP = "archive/data.pkl"

#: functions and classes that run, import, write, fetch or load something, as `module name`; written down from the
#: standard library's own documentation and from what torch's environment always brings along
GADGETS = tuple(
    f"{module} {name}"
    for module, names in {
        "builtins": "exec eval compile __import__ open getattr setattr breakpoint globals input map filter memoryview",
        "os": "system popen execv execve execvp spawnl spawnv spawnvp posix_spawn fork kill remove rename rmdir "
        "unlink symlink link chmod truncate putenv removedirs replace startfile _wrap_close",
        "posix": "system execv fork posix_spawn unlink",
        "nt": "system startfile unlink",
        "subprocess": "Popen run call check_call check_output getoutput getstatusoutput",
        "shutil": "rmtree move copyfile copytree unpack_archive make_archive chown",
        "pathlib": "Path.write_text Path.unlink Path.symlink_to",
        "importlib": "import_module reload",
        "importlib.util": "spec_from_file_location module_from_spec",
        "importlib.machinery": "SourceFileLoader",
        "runpy": "run_path run_module _run_code _run_module_code",
        "code": "InteractiveInterpreter.runcode InteractiveConsole interact",
        "codeop": "compile_command",
        "timeit": "timeit repeat main",
        "pdb": "run runeval Pdb.do_p",
        "bdb": "Bdb.run",
        "cProfile": "run runctx",
        "profile": "run Profile.run",
        "trace": "Trace.run",
        "doctest": "debug_script debug",
        "idlelib.pyshell": "ModifiedInterpreter.runcommand",
        "lib2to3.pgen2.pgen": "ParserGenerator.make_label",
        "ensurepip": "_run_pip bootstrap",
        "pip": "main",
        "pip._internal.cli.main": "main",
        "venv": "create",
        "ctypes": "CDLL PyDLL cast memmove CFUNCTYPE pythonapi",
        "_ctypes": "dlopen",
        "marshal": "loads load",
        "pickle": "loads load Unpickler",
        "_pickle": "loads",
        "shelve": "open",
        "dbm": "open",
        "types": "FunctionType CodeType",
        "functools": "partial reduce",
        "operator": "methodcaller attrgetter itemgetter call",
        "itertools": "starmap accumulate",
        "asyncio.unix_events": "_UnixSubprocessTransport._start",
        "multiprocessing.util": "spawnv_passfds",
        "multiprocessing": "Process",
        "concurrent.futures.process": "_process_worker",
        "threading": "Thread Timer",
        "signal": "signal raise_signal",
        "socket": "create_connection socket",
        "urllib.request": "urlopen urlretrieve",
        "http.client": "HTTPConnection",
        "ftplib": "FTP",
        "smtplib": "SMTP",
        "webbrowser": "open get",
        "antigravity": "geohash",
        "platform": "popen _syscmd_file",
        "pty": "spawn",
        "commands": "getoutput",
        "imp": "load_source",
        "pydoc": "pipepager tempfilepager locate",
        "logging.config": "dictConfig listen",
        "sqlite3": "connect",
        "tempfile": "mkstemp",
        "tarfile": "open",
        "zipfile": "ZipFile",
        "sys": "settrace setprofile exit",
        "torch": "load save compile",
        "torch.hub": "load download_url_to_file",
        "torch.jit": "load",
        "torch.utils.cpp_extension": "load load_inline",
        "torch.serialization": "load",
        "torch.storage": "_load_from_bytes",
        "torch._dynamo.guards": "GuardBuilder.get",
        "torch.utils._config_module": "ConfigModule.load_config",
        "torch.utils.bottleneck.__main__": "run_cprofile",
        "torch.utils.collect_env": "run",
        "torch.distributed.rpc": "rpc_sync",
        "torch.fx.experimental.symbolic_shapes": "ShapeEnv.evaluate_guards_expression",
        "numpy": "load memmap",
        "numpy.testing._private.utils": "runstring",
        "numpy.f2py.crackfortran": "getlincoef myeval",
        "transformers.pipelines": "pipeline",
        "diffusers.utils.dynamic_modules_utils": "get_class_from_dynamic_module",
        "huggingface_hub": "hf_hub_download",
        "PIL.Image": "open",
        "yaml": "unsafe_load",
        "jinja2": "Template",
    }.items()
    for name in names.split()
)


def call(gadget: str, argument: str, way: int = 0) -> bytes:
    """A pickle that calls the gadget with one text and puts what it gives into a dictionary of tensors' shape."""
    module, name = gadget.split(" ")
    text = b"X" + struct.pack("<I", len(argument.encode())) + argument.encode()
    by_stack = b"".join(b"\x8c" + bytes([len(one)]) + one.encode() for one in (module, name)) + b"\x93"
    ways = (
        f"c{module}\n{name}\n".encode() + b"(" + text + b"tR",  # GLOBAL, REDUCE
        by_stack + text + b"\x85R",  # STACK_GLOBAL, TUPLE1, REDUCE
        b"(" + text + f"i{module}\n{name}\n".encode(),  # INST
        b"(" + f"c{module}\n{name}\n".encode() + text + b"o",  # OBJ
        f"c{module}\n{name}\n".encode() + text + b"\x85\x81",  # NEWOBJ
        f"c{module}\n{name}\n".encode() + text + b"\x85}\x92",  # NEWOBJ_EX
        f"c{module}\n{name}\n".encode() + b")\x81" + text + b"b",  # BUILD of what was made
    )
    return b"\x80\x04}" + b"X\x05\x00\x00\x00state" + ways[way % len(ways)] + b"s."


def zipped(*entries: tuple[str, bytes]) -> bytes:
    """An archive as torch writes them."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, data in (*entries, ("archive/version", b"3\n")):
            archive.writestr(name, data)
    return made.getvalue()


def _stream(payload: bytes) -> bytes:
    """torch's format of before 1.6."""
    head = (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True})
    return b"".join(pickle.dumps(part, 2) for part in head) + payload + pickle.dumps([], 2)


def _tar(payload: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name in ("pickle", "storages", "tensors"):
            info = tarfile.TarInfo(name)
            info.size = len(payload)
            archive.addfile(info, io.BytesIO(payload))
    return made.getvalue()


def _safetensors(data: bytes, **metadata: str) -> bytes:
    head = json.dumps({"__metadata__": metadata, "a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(head)) + head + data


def packed(payload: bytes) -> dict[str, bytes]:
    """The same pickle in each way that a loader of models somewhere accepts, under names that lie about it."""
    archive = zipped((_ZIP, payload))
    good = pickle.dumps({"a": 1}, 2)
    return {
        "bare.ckpt": payload,
        "stream.pt": _stream(payload),
        "stream-in-a-head.pt": payload + _stream(good),
        "zip.pth": archive,
        "zip-as.safetensors": archive,
        "zip-as.SafeTensors": archive,
        "bare-as.safetensors": payload,
        "zip-as.png": archive,
        "zip-as.gguf": archive,
        "two-structures.ckpt": zipped((_ZIP, good), ("archive/x/data.pkl", payload)),
        "two-of-a-name.ckpt": zipped((_ZIP, good), (_ZIP, payload)),
        "constants.pt": zipped((_ZIP, good), ("archive/constants.pkl", payload), ("archive/code/a.py", b"import os")),
        "deeper.bin": zipped(("a/b/c/data.pkl", payload)),
        "prefixed.ckpt": b"\x89PNG\r\n\x1a\n" + archive,
        "tar.pt": _tar(payload),
        "gzip.pt": gzip.compress(payload),
        "object-array.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(128)
        + payload,
        "object-array.npz": zipped(("arr_0.npy", payload)),
        "appended.safetensors": _safetensors(b"1234" + payload),
        "metadata.safetensors": _safetensors(b"1234", code=payload.decode("latin-1")),
        "legacy-in-zip.ckpt": zipped((_ZIP, _stream(payload))),
        "nested.ckpt": zipped((_ZIP, good), ("archive/data/0", archive)),
    }


def hidden(payload: bytes) -> dict[str, bytes]:
    """Tricks after which a scanner gives up before a loader does, or reads something else than it."""
    body = payload[2:-1]
    texts = {
        "no-stop": payload[:-1],
        "broken-after": payload[:-1] + b"\xff\xfe.",
        "memo-of-nothing": b"\x80\x04" + body + b"0h\xff.",
        "old-protocol": body + b".",
        "future-protocol": b"\x80\x09" + body + b".",
        "frame-too-long": b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + body + b".",
        "twice": b"\x80\x04N." + payload,
        "extension": b"\x80\x04\x82\x01)R." + payload,
        "cut-text": payload[:-1] + b"X\xff\xff\xff\x7fabc.",
    }
    return {
        f"{name}.ckpt": zipped((_ZIP, text)) if number % 2 else text
        for number, (name, text) in enumerate(texts.items())
    }


def write_hostile(folder: Path, canary: Path) -> Iterator[Path]:
    """Every file; what it would create if it ran begins with `canary`."""
    for number, gadget in enumerate(GADGETS):
        file = folder / f"{number:03}-{gadget.replace(' ', '.').replace('.', '_')}.ckpt"
        payload = call(gadget, f"touch {canary}-{number}", number)
        file.write_bytes(zipped((_ZIP, payload)) if number % 3 else payload if number % 2 else _stream(payload))
        yield file
    touch = call("os system", f"touch {canary}-packed")
    for name, data in (packed(touch) | hidden(touch)).items():
        (folder / name).write_bytes(data)
        yield folder / name
