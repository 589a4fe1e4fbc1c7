"""The check of environment variables: what another program, a tutorial or an old install has left behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from launcher.core.doctor.check import Verdict, sentences, well, wrong
from launcher.core.doctor.ground import Ground
from launcher.core.hardware.machine import Machine
from launcher.core.paths import FOREIGN, PROXIES
from launcher.core.proxy_bypass import is_named, split
from launcher.core.pytorch.allowed import CARD_VARIABLES
from launcher.core.text import Text, t
from launcher.core.web_address import shown

#: files of certificates that every download is checked against
_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "SSL_CERT_DIR")
#: they let no model come from the network
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "UV_OFFLINE", "PIP_NO_INDEX")
#: they lead packages elsewhere, which is right where the user has meant it
_REDIRECTS = (
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX",
    "UV_EXTRA_INDEX_URL", "UV_CONFIG_FILE", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE_NEWER", "UV_PYTHON_DOWNLOADS",
    "HF_ENDPOINT",
)  # fmt: skip
_HIDES_ALL = ("-1", "none", "nodevfiles", "")
_HERE = "http://127.0.0.1/"
_YES = ("1", "on", "yes", "true")


def variables(ground: Ground) -> Verdict:
    """What hinders is wrong; what Gesso goes round, or follows because it may be meant, is said."""
    environ = ground.here.environ
    faults = list(_faults(environ, ground.machine))
    notes = list(_notes(environ))
    if faults:
        return wrong(sentences([*faults, *notes]), _how())
    if notes:
        return well(sentences(notes))
    return well(t("None is set that would do harm."))


def _how() -> Text:
    if sys.platform == "win32":
        return t(
            'Press the Windows key, type "environment variables", open "Edit environment variables for your account", '
            "delete the variable, and open a new window."
        )
    return t("Take the line that sets it out of ~/.bashrc, ~/.profile or ~/.zshrc, and open a new terminal.")


def _faults(environ: Mapping[str, str], machine: Machine) -> Iterator[Text]:
    for name in _CERTIFICATES:
        value = environ.get(name)
        if value and not Path(value).exists():
            yield t("{name} names {file}, which is not there: no encrypted connection can be made.", name=name,
                    file=value)  # fmt: skip
    yield from _hidden_cards(environ, machine)
    for name in _libraries():
        if foreign := _cuda_in(environ.get(name, "")):
            yield t(
                "{name} names {folder}: PyTorch would load that CUDA instead of its own.", name=name, folder=foreign
            )
    port = environ.get("GRADIO_SERVER_PORT")
    if port and not port.isdecimal():
        yield t("{name} is {value}, which is no port.", name="GRADIO_SERVER_PORT", value=port)


def _hidden_cards(environ: Mapping[str, str], machine: Machine) -> Iterator[Text]:
    makers = {"nvidia": CARD_VARIABLES[:1], "amd": CARD_VARIABLES[:3], "intel": CARD_VARIABLES[3:]}
    there = {gpu.vendor for gpu in machine.gpus if gpu.vendor}
    for vendor in sorted(there & makers.keys()):
        for name in makers[vendor]:
            if name in environ and environ[name].strip().lower() in _HIDES_ALL:
                yield t('{name}="{value}" hides every graphics card, so the processor would draw.', name=name,
                        value=environ[name])  # fmt: skip


def _libraries() -> tuple[str, ...]:
    """Variables that come before a program's own libraries; Windows' PATH comes after them."""
    return {"win32": (), "darwin": ("DYLD_LIBRARY_PATH",)}.get(sys.platform, ("LD_LIBRARY_PATH", "LD_PRELOAD"))


def _cuda_in(value: str) -> str | None:
    """The first folder or file of another CUDA's libraries."""
    names = ("libcudart.so", "libcublas.so", "libcudnn.so", "libnvrtc.so")
    for place in filter(None, value.replace(" ", os.pathsep).split(os.pathsep)):
        if any(each in Path(place).name for each in names):
            return place
        if Path(place).is_dir() and any(next(Path(place).glob(f"{each}*"), None) for each in names):
            return place
    return None


def _notes(environ: Mapping[str, str]) -> Iterator[Text]:
    bypass = split(environ.get("no_proxy") or environ.get("NO_PROXY") or "")
    if any(environ.get(name) for each in PROXIES for name in (each, each.upper())) and not is_named(_HERE, bypass):
        yield t("NO_PROXY does not name this computer; whatever Gesso starts is told so all the same.")
    kept_away = [name for name in FOREIGN if environ.get(name)]
    if kept_away:
        yield t("{names}: set, and kept away from the engine.", names=", ".join(kept_away))
    followed = [f"{name}={shown(environ[name])}" for name in _REDIRECTS if environ.get(name)]
    if followed:
        yield t("Followed, as it may be meant: {variables}", variables=", ".join(followed))
    offline = [name for name in _OFFLINE if environ.get(name, "").lower() in _YES]
    if offline:
        yield t("{names}: nothing is fetched from there; take it away if that is not meant.", names=", ".join(offline))
    if environ.get("COMMANDLINE_ARGS"):
        yield t("COMMANDLINE_ARGS is set: its flags are added to every start.")
    if environ.get("GRADIO_SERVER_NAME"):
        yield t("GRADIO_SERVER_NAME={value}: the page answers there.", value=environ["GRADIO_SERVER_NAME"])
