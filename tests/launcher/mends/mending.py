"""What the tests of the mends have in common: a workspace of their own, and a generator run to its end."""

from launcher.core.mends.mend import Here
from launcher.core.paths import Workspace


def here_in(folder, **environ):
    """A workspace in `folder`; `environ` besides the barest."""
    root = folder / "workspace"
    root.mkdir(parents=True, exist_ok=True)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return Here(Workspace(root), {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", **environ})


def exhaust(work):
    """The events and the value of a generator."""
    kept = []

    def through():
        kept.append((yield from work))

    events = list(through())
    return events, kept[0]
