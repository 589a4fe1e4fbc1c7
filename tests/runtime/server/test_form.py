"""What the page's form asks the queue for."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runtime.options import Options
from runtime.request import Request
from runtime.ui.form import Form


@pytest.mark.parametrize(("asked", "written"), [(7.0, "7"), (7.5, "7.5"), (None, "7")])
def test_the_scale_is_written_as_the_page_shows_it(tmp_path: Path, asked: float | None, written: str) -> None:
    assert str(ask(tmp_path, cfg_scale=asked).cfg_scale) == written


def test_the_form_obeys_the_settings(tmp_path: Path) -> None:
    settings = {"eta_ancestral": 0.5, "CLIP_stop_at_last_layers": 2, "live_previews_enable": False}
    asked = ask(tmp_path, settings)
    assert (asked.options.eta_ancestral, asked.options.CLIP_stop_at_last_layers, asked.preview_every) == (0.5, 2, 0)
    assert ask(tmp_path, dict.fromkeys(settings)).eta is None
    assert ask(tmp_path, {"eta_ddim": 0.25}, sampler_name="DDIM").options.eta_ddim == 0.25
    assert ask(tmp_path, {"show_progress_every_n_steps": 3}).preview_every == 3


def ask(folder: Path, settings: dict[str, Any] | None = None, **values: Any) -> Request:
    options = Options(folder / "config.json")
    options.update(settings or {})
    studio: Any = SimpleNamespace(options=options)
    return Form.of(values).request(studio)
