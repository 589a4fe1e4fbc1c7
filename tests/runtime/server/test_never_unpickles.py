"""The server judges checkpoints, pickles too, and never interprets one: that is another process's work."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.fakes.hostile_models import call, zipped
from tests.fakes.model_files import checkpoint, lora, write_torch

#: imports what a server does, judges the files, and tells what the interpreter was asked to do meanwhile
SERVER = """
import json, sys
from pathlib import Path
import runtime.__main__, runtime.server, runtime.studio, runtime.gate.gate
from runtime.engine.judgement import judge_header
from runtime.engine.pickles.reader import CHILD
did = []
def hook(event, about):
    late = event == "import" and about[0].startswith("pickletools")
    if late or event in ("pickle.find_class", "marshal.loads", "exec", "os.system"):
        did.append(event)
    if event == "subprocess.Popen" and tuple(about[1]) != CHILD:
        did.append(f"{about!r:.200}")
judge_header(Path(sys.argv[1]))  # what is imported late is imported
sys.addaudithook(hook)
codes = [getattr(judge_header(Path(name)), "code", None) for name in sys.argv[1:]]
there = [name for name in sys.modules if name in ("torch", "pickletools") or name.startswith("runtime.engine.pickles.")]
print(json.dumps({"codes": codes, "did": did, "there": sorted(there)}))
"""


def test_the_server_interprets_no_pickle(tmp_path: Path, python: str) -> None:
    canary = tmp_path / "canary"
    gadget = call("os system", f"touch {canary}")
    files = [tmp_path / f"{number}.ckpt" for number in range(4)]
    write_torch(files[0], lora("sd1"))
    write_torch(files[1], checkpoint("sd1"), old=True)
    files[2].write_bytes(gadget)
    files[3].write_bytes(zipped(("archive/data.pkl", gadget)))
    run = subprocess.run(
        [python, "-c", SERVER, *map(str, files)], capture_output=True, text=True, check=False, timeout=900
    )
    assert run.returncode == 0, run.stderr[-2000:]
    told = json.loads(run.stdout.splitlines()[-1])
    assert told["codes"][0] == "checkpoint-not-a-model"
    assert told["codes"][2:] == ["checkpoint-damaged", "checkpoint-not-a-model"]
    assert told["did"] == []
    assert told["there"] == [f"runtime.engine.pickles.{name}" for name in ("reader", "records", "sketches")]
    assert not canary.exists()
