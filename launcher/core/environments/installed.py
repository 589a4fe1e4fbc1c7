"""What is installed, as far as a plan must know."""

from __future__ import annotations

from dataclasses import dataclass

from launcher.core.packages.own_python import OwnPython


@dataclass(frozen=True)
class Installed:
    """What there is: the current environment, else the half-made one."""

    #: folder name under environments/
    environment: str | None = None
    #: as TorchChoice.build: "2.13.0+cpu"
    torch: str | None = None
    #: of the engine lock its packages came from
    lock_sha256: str | None = None
    #: proven by runtime.prove and switched to
    verified: bool = False
    #: proven, whether it is the current one or not
    proven: bool = False
    #: version of its Python: "3.11"
    python: str | None = None
    #: the Python outside that it stands for, if the user named one
    interpreter: str | None = None
    #: builds of torch that did not pass their proof here, and xFormers that could not be installed
    unproven: tuple[str, ...] = ()
    #: the version of xFormers in it
    xformers: str | None = None
    #: flags that its proof found the card to need
    advice: tuple[str, ...] = ()
    #: of torch's build: "cu130"
    tag: str | None = None
    #: where its torch came from, without credentials
    source: str | None = None
    #: the user went to it by hand
    wished: bool = False
    #: the other environments that are proven and can be used, the newest first
    others: tuple[Installed, ...] = ()

    def holds(self, torch: str | None, lock_sha256: str | None, own: OwnPython | None, xformers: str | None) -> bool:
        """This torch and these packages, on the Python that was wished, with that `xformers`; None: whether it has one
        or not."""
        same = torch is not None and lock_sha256 is not None and (self.torch, self.lock_sha256) == (torch, lock_sha256)
        return same and self.stands_on(own) and (xformers is None or self.has_xformers(xformers))

    def stands_on(self, own: OwnPython | None) -> bool:
        """On the Python that was wished; where none was, on none that the user would have to name."""
        if own is None:
            return self.interpreter is None
        return (self.python, self.interpreter) == (own.version, own.engine)

    def has_xformers(self, version: str | None) -> bool:
        """That version, whatever label ("+cu128") its index gave it."""
        return version is not None and (self.xformers or "").partition("+")[0] == version
