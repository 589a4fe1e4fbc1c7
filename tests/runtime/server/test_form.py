"""What the page's form asks the queue for."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.options import Options
from runtime.ui.drawing import Form


@pytest.mark.parametrize(("asked", "written"), [(7.0, "7"), (7.5, "7.5"), (None, "7")])
def test_the_scale_is_written_as_the_page_shows_it(tmp_path: Path, asked: float | None, written: str) -> None:
    assert str(form(tmp_path, {}, cfg_scale=asked).cfg_scale) == written


def test_the_form_obeys_the_settings(tmp_path: Path) -> None:
    options = {"eta_ancestral": 0.5, "CLIP_stop_at_last_layers": 2, "live_previews_enable": False}
    asked = form(tmp_path, options)
    assert (asked.options.eta_ancestral, asked.options.CLIP_stop_at_last_layers, asked.preview_every) == (0.5, 2, 0)
    assert form(tmp_path, dict.fromkeys(options)).eta is None
    assert form(tmp_path, {"eta_ddim": 0.25}, sampler="DDIM").options.eta_ddim == 0.25


def form(folder: Path, settings: dict[str, Any], sampler: str = "Euler a", cfg_scale: float | None = 7.0) -> Any:
    options = Options(folder / "config.json")
    options.update(settings)
    studio: Any = SimpleNamespace(options=options)
    return Form(None, None, sampler, "Automatic", None, None, None, cfg_scale, None, None, None).request(studio)
