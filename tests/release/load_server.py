"""`python -m runtime` with the fake worker that notes what it draws."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from runtime.__main__ import main

if __name__ == "__main__":
    worker = str(Path(__file__).with_name("load_worker.py"))
    raise SystemExit(main(worker=(sys.executable, worker), judging=False))
