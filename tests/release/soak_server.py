"""`python -m runtime` with the worker that can be told to run out of memory."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from runtime.__main__ import main

if __name__ == "__main__":
    raise SystemExit(main(worker=(sys.executable, str(Path(__file__).with_name("soak_worker.py")))))
