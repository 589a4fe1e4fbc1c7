"""An old install's own options, `webui-user.sh` and `webui-user.bat`, as a run profile; never run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Literal

from launcher.core.errors import LauncherError
from launcher.core.profiles.flag_names import in_full
from launcher.core.profiles.flag_words import groups, has, last_value, split_words, without
from launcher.core.profiles.run_profiles import ATTENTION_FLAGS, RunProfile
from launcher.core.profiles.script_reading import Left, Setting, Sometimes, read_bat, read_sh, read_text
from launcher.core.text import Text, t

NAMES = ("webui-user.sh", "webui-user.bat", "webui.settings.bat")
#: handed to the runtime as they are
_TAKEN = re.compile(
    r"(HTTPS?|ALL|NO)_PROXY|HF_\w+|HUGGINGFACE_\w+|TRANSFORMERS_\w+|CUDA_\w+|PYTORCH_\w+|TORCH_HOME|TORCH_ALLOW_\w+|HSA_\w+|"
    r"HIP_\w+|ROC\w+|OMP_\w+|MKL_\w+|XFORMERS_\w*DISABLED?|GRADIO_\w+|SD_WEBUI_\w+|IGNORE_CMD_ARGS_ERRORS|XDG_CACHE_HOME|"
    r"SAFETENSORS_FAST_GPU|NVIDIA_\w+|TZ|LANG|LC_ALL",
    re.IGNORECASE,
)
_TORCH = ("TORCH_COMMAND", "TORCH_INDEX_URL", "XFORMERS_PACKAGE", "REQS_FILE", "REQS_FILE_FOR_NPU")
#: these only say where AUTOMATIC1111 itself lies and how its wrapper starts it
_WRAPPER = re.compile(
    r"install_dir|clone_dir|LAUNCH_SCRIPT|ACCELERATE|NO_TCMALLOC|ERROR_REPORTING|PIP_IGNORE_INSTALLED|\w+_REPO|"
    r"\w+_COMMIT_HASH|\w+_PACKAGE|SKIP_VENV|PIP_INSTALLER_LOCATION",
    re.IGNORECASE,
)
#: variables whose value is a file or a folder; Gradio's "root path" is a part of an address
_PLACES = re.compile(r"(?!GRADIO_ROOT_PATH)\w+_(HOME|CACHE|PATH|DIR)", re.IGNORECASE)
#: flags whose value is a file or a folder, which the old install reads from its own folder on
_PATHS = (
    "--models-dir", "--ckpt", "--ckpt-dir", "--vae-path", "--vae-dir", "--lora-dir", "--lyco-dir-backcompat",
    "--embeddings-dir", "--hypernetwork-dir", "--localizations-dir", "--esrgan-models-path", "--bsrgan-models-path",
    "--realesrgan-models-path", "--dat-models-path", "--swinir-models-path", "--scunet-models-path",
    "--ui-settings-file", "--ui-config-file", "--styles-file", "--gradio-auth-path", "--gradio-allowed-path",
    "--tls-keyfile", "--tls-certfile",
)  # fmt: skip


@dataclass(frozen=True)
class WebuiUser:
    """What was found: `left` has a sentence for each thing that is not taken over."""

    files: tuple[Path, ...]
    profile: RunProfile
    left: tuple[Text, ...] = ()
    #: PYTHON, VENV_DIR and GIT as they stand there; "-" for VENV_DIR is "no environment of its own"
    python: str | None = None
    venv: str | None = None
    git: str | None = None


def read_webui_user(place: Path, *, system: Literal["windows", "other"] = "other") -> WebuiUser:
    """The options in the file `place`, or in the start scripts of the folder `place`.

    In a folder the system's own script counts and the other one only where that is missing or says nothing.
    LauncherError `webui-user-missing` or `webui-user-unreadable`.
    """
    files = _find(place, system)
    empty = None
    for file in files:
        found = _understood(file)
        if found.profile != RunProfile() or found.python or found.venv:
            return found
        empty = empty or found
    assert empty is not None  # noqa: S101 - _find gives at least one
    return empty


def _find(place: Path, system: str) -> list[Path]:
    if place.is_file():
        return [place]
    names = NAMES if system == "other" else (*NAMES[1:], NAMES[0])
    files = [place / name for name in names if (place / name).is_file()]
    if files:
        return files
    raise LauncherError(
        "webui-user-missing",
        t("There is no {names} in {folder}.", names=" / ".join(NAMES[:2]), folder=place),
        t("Name the folder in which AUTOMATIC1111 or its like was installed, or the file itself."),
    )


def _understood(file: Path) -> WebuiUser:
    windows = file.suffix.lower() in (".bat", ".cmd")
    try:
        text = read_text(file)
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise LauncherError(
            "webui-user-unreadable",
            t("The file {file} cannot be read: {reason}.", file=file, reason=why),
            t("Check that it is the start script of the old install."),
        ) from error
    found = list(read_bat(text, str(file.parent)) if windows else read_sh(text))
    # cmd knows no difference between capitals and small letters, a shell does
    last = {(each.name.upper() if windows else each.name): each for each in found if isinstance(each, Setting)}
    settings = {each.name: each.value for each in last.values() if each.value.strip()}
    left = [t("Line {line} is not carried out: {text}", line=each.line, text=each.begun)
            for each in found if isinstance(each, Left)]  # fmt: skip
    left += [t("Line {line} sets {name} only sometimes, so that is not taken over.", line=each.line, name=each.name)
             for each in found if isinstance(each, Sometimes)]  # fmt: skip
    return _sorted(file, settings, left)


def _sorted(file: Path, settings: dict[str, str], left: list[Text]) -> WebuiUser:
    user = WebuiUser((file,), RunProfile())
    environment: dict[str, str] = {}
    for name, value in settings.items():
        plain = value.strip().strip('"')
        match name.upper():
            case "COMMANDLINE_ARGS":
                words = in_full(split_words(value, backslashes=file.suffix != ".sh"))
                profile, more = _profile(words, file.parent)
                user = replace(user, profile=profile)
                left += more
            case "PYTHON" | "PYTHON_CMD":
                # a bare name is looked for by the system
                user = replace(user, python=_from(file.parent, plain) if re.search(r"[\\/]", plain) else plain)
            case "VENV_DIR":
                user = replace(user, venv=plain)
            case "GIT":
                user = replace(user, git=plain)
            case _ if _TAKEN.fullmatch(name):
                environment[name] = _from(file.parent, plain) if _PLACES.fullmatch(name) else plain
            case _:
                left.append(_why_left(name))
    return replace(user, profile=replace(user.profile, environment=environment), left=tuple(left))


def _why_left(name: str) -> Text:
    """Without its value: what is not known here may be a secret."""
    if name.upper() in _TORCH:
        return t("{name} is not taken over: Gesso chooses PyTorch for the card itself.", name=name)
    if name.upper() in ("INDEX_URL", "PIP_INDEX_URL"):
        return t("{name} is not taken over: `gesso mirrors use` chooses where packages come from.", name=name)
    if _WRAPPER.fullmatch(name):
        return t("{name} is not taken over: it is about the old install alone.", name=name)
    return t("{name} is not taken over: it is not known here.", name=name)


def _profile(flags: tuple[str, ...], folder: Path) -> tuple[RunProfile, list[Text]]:
    """The flags as settings where a profile has one for them, else as flags; paths from the old folder on."""
    left = []
    if has(flags, "--data-dir"):
        left.append(
            t("--data-dir is not taken over: Gesso has a folder of its own; `gesso models link` uses the old models.")
        )
    flags = tuple(word for group in groups(without(flags, "--data-dir")) for word in _absolute(group, folder))
    port = last_value(flags, "--port")
    if port is not None and (not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536):
        left.append(t("--port {word} is not taken over: it is no number from 1 to 65535.", word=port))
        flags, port = without(flags, "--port"), None
    theme = last_value(flags, "--theme")
    attention = [name for name, flag in ATTENTION_FLAGS.items() if has(flags, flag)]
    accounts = tuple(filter(None, (last_value(flags, "--gradio-auth") or "").split(",")))
    profile = RunProfile(
        port=None if port is None else int(port),
        gpu=last_value(flags, "--device-id") or None,
        listen=has(flags, "--listen") or None,
        share=has(flags, "--share") or None,
        memory="lowvram" if has(flags, "--lowvram") else "medvram" if has(flags, "--medvram") else None,
        attention=attention[0] if len(attention) == 1 else None,  # type: ignore[arg-type]
        auth=accounts if all(":" in each for each in accounts) else (),
        auth_file=last_value(flags, "--gradio-auth-path") or None,
        model=last_value(flags, "--ckpt") or None,
        theme=theme if theme in ("light", "dark") else None,  # type: ignore[arg-type]
    )
    return replace(profile, flags=without(flags, *_said(profile))), left


def _said(profile: RunProfile) -> Iterator[str]:
    """The flags that the profile's settings stand for."""
    names = {
        "port": ["--port"], "gpu": ["--device-id"], "listen": ["--listen"],
        "share": ["--share"], "memory": ["--lowvram", "--medvram"],
        "auth": ["--gradio-auth"], "auth_file": ["--gradio-auth-path"], "model": ["--ckpt"], "theme": ["--theme"],
        "attention": [ATTENTION_FLAGS[profile.attention]] if profile.attention else [],
    }  # fmt: skip
    for key, flags in names.items():
        if getattr(profile, key):
            yield from flags


def _absolute(group: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    name, equals, value = group[0].partition("=")
    if name not in _PATHS:
        return group
    if equals:
        return (f"{name}={_from(folder, value)}", *group[1:])
    return (name, *(_from(folder, word) for word in group[1:2]), *group[2:])


def _from(folder: Path, path: str) -> str:
    """A relative path counts from the old install's folder; a whole one of Windows stays one."""
    if not path or Path(path).is_absolute() or PureWindowsPath(path).drive or path.startswith(("~", "\\", "%", "$")):
        return path
    return str(folder / PureWindowsPath(path).as_posix())
