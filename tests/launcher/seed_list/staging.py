"""A failing program as its user sees it, and what `gesso diagnose` makes of what it printed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from launcher.__main__ import main
from launcher.core.diagnosis.advice import Advice
from launcher.core.diagnosis.diagnose import diagnose_file
from launcher.core.mends import journal
from launcher.core.mends.mend import Here
from tests.launcher.mends.mending import exhaust

LOG = "printed.log"


def printed(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> tuple[int, bytes]:
    """How it ended, and both its streams as they came."""
    done = subprocess.run(
        list(command), cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout


def script(code: str) -> list[str]:
    """A little program that prints what a program prints that cannot be run here."""
    return [sys.executable, "-I", "-c", code]


class Patient:
    """One who has a log, and nothing else."""

    def __init__(self, here: Here, folder: Path, capsys) -> None:
        self.here, self.folder, self.capsys = here, folder, capsys

    def diagnosed(self, log: bytes) -> Advice:
        """The first finding, as the verb says it too."""
        file = self.folder / LOG
        file.write_bytes(log)
        self.capsys.readouterr()
        assert main(["--json", "--root", str(self.here.workspace.root), "diagnose", str(file)]) == 0
        said = json.loads(self.capsys.readouterr().out)["findings"]
        found = diagnose_file(file)
        assert found, f"nothing was found in:\n{log.decode(errors='replace')}"
        assert [each["slug"] for each in said] == [each.slug for each in found]
        assert said[0]["cause"]
        assert said[0]["fix"]
        return found[0]

    def mend(self, advice: Advice) -> int:
        """By the one key that the finding names; with what the log told, and nothing more."""
        assert advice.mend is not None
        values = {"slug": advice.slug, **dict(advice.values)}
        assert journal.preview(self.here, advice.mend, values) is not None
        _, done = exhaust(journal.mend(self.here, advice.mend, values))
        assert done.still is None, str(done.still)
        number: int = done.number
        return number

    def undo(self, number: int) -> None:
        exhaust(journal.undo(self.here, number))
