"""A certificate that nobody has signed but itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_WORDS = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"


def self_signed(folder: Path, name: str = "IP:127.0.0.1") -> Path:
    """One file in `folder` with the key and the certificate for this name; skips the test where openssl is not."""
    openssl = shutil.which("openssl")
    if openssl is None or sys.platform == "win32":
        pytest.skip("openssl is not there")
    key, file, both = (folder / each for each in ("key.pem", "certificate.pem", "both.pem"))
    more = ["-addext", f"subjectAltName={name}", "-keyout", str(key), "-out", str(file)]
    subprocess.run([openssl, *_WORDS.split(), *more], check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + file.read_bytes())
    return both
