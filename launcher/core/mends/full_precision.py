"""Numbers in full precision (float32) for a run profile: of the VAE alone, or of the whole model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from functools import partial

from launcher.core.events import Event, Notice
from launcher.core.mends.mend import Change, Here, Mend, Preview, Record, Values
from launcher.core.mends.run_profile import Edit, change, change_back, flags_in_use, memory_of, profile_in_use
from launcher.core.profiles.flag_words import has, last_value
from launcher.core.text import Text, t

#: contradicts float32, and the runtime refuses to start with both
_HALF = "--precision"


def _is_full(flags: tuple[str, ...]) -> bool:
    return has(flags, "--no-half") or last_value(flags, _HALF) == "full"


def _is_full_vae(flags: tuple[str, ...]) -> bool:
    return has(flags, "--no-half-vae") or _is_full(flags)


def _preview(name: str, here: Here, values: Values) -> Preview | None:
    profile = profile_in_use(here, values)
    flag, there, remark = _WAYS[name]
    on_processor = memory_of(here, profile).mode == "cpu"
    # there the VAE is in full precision anyway
    if there(flags_in_use(here, profile)) or (on_processor and flag == "--no-half-vae"):
        return None
    what = t('the flags of the run profile "{name}"', name=profile)
    return Preview(name, _TITLES[name], (Change(what, None, flag),), _ON_PROCESSOR if on_processor else remark)


def _apply(
    name: str,
    here: Here,
    values: Values,
    cancel: threading.Event | None,  # noqa: ARG001 - done in no time
) -> Generator[Event, None, Record]:
    profile, (flag, _, _) = profile_in_use(here, values), _WAYS[name]
    half = last_value(flags_in_use(here, profile), _HALF) == "half"
    record = change(here, profile, Edit(added=(flag,), taken=(_HALF,) if half else ()))
    yield Notice("flag-added", "info", t('"{profile}" starts with {flag} from now on.', profile=profile, flag=flag))
    return record


def _verify(name: str, here: Here, values: Values) -> Text | None:
    _, there, _ = _WAYS[name]
    flags = flags_in_use(here, profile_in_use(here, values))
    if last_value(flags, _HALF) == "half":
        return t("COMMANDLINE_ARGS or the profile that it is built on still ask for half precision.")
    return None if there(flags) else t("The flag does not count: another one stands behind it.")


def _undo(here: Here, record: Record) -> Iterator[Event]:
    change_back(here, record)
    yield Notice("flag-added", "info", t('The run profile "{name}" is as it was.', name=record["profile"]))


_SLOWER = t("It takes a little more of the card's memory. It counts from the next start.")
_TWICE = t("It takes twice the card's memory, and more time. It counts from the next start.")
_ON_PROCESSOR = t("The processor takes more time with it. It counts from the next start.")
_WAYS: dict[str, tuple[str, Callable[[tuple[str, ...]], bool], Text]] = {
    "full-vae": ("--no-half-vae", _is_full_vae, _SLOWER),
    "full-precision": ("--no-half", _is_full, _TWICE),
}
_TITLES = {
    "full-vae": t("Compute the VAE in full precision"),
    "full-precision": t("Compute the whole model in full precision"),
}


def _made(name: str) -> Mend:
    return Mend(name, _TITLES[name], partial(_preview, name), partial(_apply, name), partial(_verify, name), _undo)


VAE, MODEL = _made("full-vae"), _made("full-precision")
