"""All pictures of a gallery as one file to download."""

from __future__ import annotations

import zipfile
from pathlib import Path
from uuid import uuid4

from runtime.ui.output import Shown


def archive(shown: Shown, folder: Path) -> Path | None:
    """A .zip under `folder` with the pictures as they are, their infotext inside; None where there are none."""
    if not shown.files:
        return None
    place = folder / uuid4().hex
    place.mkdir(parents=True)
    file = place / "images.zip"
    # pictures are compressed already
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as made:
        for number, (path, picture) in enumerate(zip(shown.files, shown.pictures, strict=True)):
            name = Path(path).name
            made.writestr(name if name not in made.namelist() else f"{number}-{name}", picture.data)
    return file
