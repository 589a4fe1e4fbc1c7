"""Gradio's import without what a server has no use for; it halves the seconds before the page.

Gradio parses the source of each of its components at every import and writes stubs for editors beside them, into an
environment that others may share; it asks for the signature of every component's constructor whenever it describes the
page; and it imports pandas, for tables of which the page has none.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

#: where Gradio's classes of components are made, and what it calls with each of them
_CLASSES, _WRITE_STUBS = "gradio.component_meta", "create_or_modify_pyi"
_TABLES = "pandas"


def import_gradio() -> None:
    """Import it lean; one that was imported already stays as it is."""
    if "gradio" in sys.modules:
        return
    with _no_stubs(), _later(_TABLES):
        importlib.import_module("gradio")


class _NoStubs(MetaPathFinder):
    """Lets the module of the component classes be found as ever, and takes the writing of stubs out of it."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == _CLASSES else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_without_stubs(module: ModuleType) -> None:
            execute(module)
            if hasattr(module, _WRITE_STUBS):
                setattr(module, _WRITE_STUBS, _remember_signature)

        spec.loader.exec_module = execute_without_stubs  # type: ignore[method-assign]
        return spec


def _remember_signature(component: type, *_name_and_events: object) -> None:
    """`inspect.signature` takes what lies here instead of reading it from the code again (PEP 362)."""
    construct = vars(component).get("__init__")
    if construct is not None:
        construct.__signature__ = inspect.signature(construct)
        inspect.unwrap(construct).__signature__ = construct.__signature__


@contextmanager
def _no_stubs() -> Iterator[None]:
    finder = _NoStubs()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Later(ModuleType):
    """Stands for a module until somebody asks it for something."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _later(name: str) -> Iterator[None]:
    """Modules that are imported meanwhile get a stand-in of `name`; whoever comes afterwards, the module itself."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = stand_in = _Later(name)
    try:
        yield
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
