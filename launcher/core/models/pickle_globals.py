"""Which globals a torch file may name: what weights are made of, what is merely unusual, and what can run commands.

A look at names is advice, not a wall (the runtime's reader never runs any of them); it tells the user what to distrust.
"""

from __future__ import annotations

#: of which every name is usual: functions that rebuild tensors, values
_USUAL_MODULES = ("torch._tensor", "torch.nn.functional")
_USUAL = frozenset(
    ("collections.OrderedDict", "collections.defaultdict", "collections.Counter", "collections.deque",
     "numpy.dtype", "numpy.ndarray", "numpy.core.multiarray._reconstruct", "numpy.core.multiarray.scalar",
     "numpy._core.multiarray._reconstruct", "numpy._core.multiarray.scalar", "_codecs.encode", "argparse.Namespace",
     "types.SimpleNamespace", "typing.Any", "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath",
     "torch.serialization._get_layout", "easydict.EasyDict",
     "datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "datetime.timezone")
)  # fmt: skip
#: of which classes are usual: what a model or its trainer is made of
_USUAL_PACKAGES = (
    "torch.nn.", "torch.optim.", "torch.storage.", "pytorch_lightning.", "lightning.", "lightning_fabric.",
    "omegaconf.", "diffusers.", "transformers.", "ldm.", "sgm.", "basicsr.", "open_clip.",
)  # fmt: skip
_USUAL_BUILTINS = frozenset(
    ("set", "frozenset", "list", "dict", "tuple", "int", "float", "str", "bytes", "bool", "complex", "slice", "range",
     "bytearray", "object")
)  # fmt: skip
_BUILTINS = ("builtins", "__builtin__", "__builtins__")
_DANGEROUS = frozenset(
    ("os", "posix", "nt", "subprocess", "sys", "shutil", "socket", "runpy", "pty", "importlib", "ctypes", "pickle",
     "_pickle", "marshal", "code", "codeop", "commands", "webbrowser", "asyncio", "multiprocessing", "requests",
     "urllib", "http", "ftplib", "smtplib", "platform", "pip", "setuptools", "tempfile", "threading", "signal", "types",
     "functools", "operator", "inspect", "pdb", "bdb", "trace", "timeit", "cProfile", "profile", "doctest", "imp",
     "zipimport", "pkgutil", "base64", "io", "_io", "linecache", "idlelib", "distutils", "site", "venv", "ensurepip")
)  # fmt: skip


_TORCH_TYPES = (
    "float16", "float32", "float64", "bfloat16", "half", "float", "double", "int8", "int16", "int32", "int64", "uint8",
    "bool", "long", "short", "float8_e4m3fn", "float8_e5m2",
)  # fmt: skip


#: a global whose name is not told where others tell it
HIDDEN = "?"


def joined(module: str, name: str) -> str:
    """ "module.name"; a name with dots, which leads into whatever the module has, as "module:a.b"."""
    return f"{module}{':' if '.' in name else '.'}{name}"


def is_usual(name: str) -> bool:
    """Weights and what trainers keep beside them name this (as `joined` says it)."""
    module, _, last = name.rpartition(".")
    if ":" in name:
        return False
    if module in _BUILTINS:
        return last in _USUAL_BUILTINS
    if module == "torch":
        return last.endswith("Storage") or last in ("Size", "device", "dtype", "Tensor", *_TORCH_TYPES)
    if module == "torch._utils":
        return last.startswith("_rebuild_")
    return name in _USUAL or module in _USUAL_MODULES or (name.startswith(_USUAL_PACKAGES) and last[:1].isupper())


def is_dangerous(name: str) -> bool:
    """It can start programs, open files or connections, or find something that does."""
    if is_usual(name):
        return False
    place, _, inside = name.partition(":")
    if inside:
        # A class within a class has a capital letter; what has none may be a module that the first one has imported.
        return not all(part[:1].isupper() for part in inside.split(".")[:-1])
    module = place.rpartition(".")[0]
    return name == HIDDEN or module in _BUILTINS or module.partition(".")[0] in _DANGEROUS
