"""`python -m runtime` with the fake worker; checkpoints' headers are not judged. The arguments are the runtime's."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from runtime.__main__ import main

if __name__ == "__main__":
    raise SystemExit(main(worker=(sys.executable, str(Path(__file__).with_name("fake_worker.py"))), judging=False))
