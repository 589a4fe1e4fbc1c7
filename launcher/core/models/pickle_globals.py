"""Which globals a torch file may name: what weights are made of, what is merely unusual, and what can run commands.

A look at names is advice, not a wall (the runtime's reader never runs any of them); it tells the user what to distrust.
"""

from __future__ import annotations

_USUAL = (
    "torch._utils.", "torch._tensor.", "torch.storage.", "torch.nn.", "torch.optim.", "torch.serialization.",
    "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "collections.deque",
    "numpy.dtype", "numpy.ndarray", "numpy.core.multiarray.", "numpy._core.multiarray.", "_codecs.encode",
    "pytorch_lightning.", "lightning.", "lightning_fabric.", "omegaconf.", "argparse.Namespace",
    "types.SimpleNamespace", "typing.Any", "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath",
    "datetime.",
    "diffusers.", "transformers.", "ldm.", "sgm.", "basicsr.", "open_clip.", "easydict.EasyDict",
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


def is_usual(name: str) -> bool:
    """Weights and what trainers keep beside them name this (`module.name`)."""
    module, _, last = name.rpartition(".")
    if module in _BUILTINS:
        return last in _USUAL_BUILTINS
    if module == "torch":
        return last.endswith("Storage") or last in ("Size", "device", "dtype", "Tensor", *_TORCH_TYPES)
    return name.startswith(_USUAL)


_TORCH_TYPES = (
    "float16", "float32", "float64", "bfloat16", "half", "float", "double", "int8", "int16", "int32", "int64", "uint8",
    "bool", "long", "short", "float8_e4m3fn", "float8_e5m2",
)  # fmt: skip


def is_dangerous(name: str) -> bool:
    """It can start programs, open files or connections, or find something that does."""
    module, _, _last = name.rpartition(".")
    root = module.partition(".")[0]
    return not is_usual(name) and (root in _DANGEROUS or module in _BUILTINS)
