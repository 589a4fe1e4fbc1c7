"""What is installed, as far as a plan must know."""

from __future__ import annotations

from dataclasses import dataclass


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

    def has_xformers(self, version: str | None) -> bool:
        """That version, whatever label ("+cu128") its index gave it."""
        return version is not None and (self.xformers or "").partition("+")[0] == version
