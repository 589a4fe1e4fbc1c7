"""What Gesso can put right by itself: each mend with a preview, a check afterwards, and a way back."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from launcher.core.errors import LauncherError
from launcher.core.text import t

if TYPE_CHECKING:
    from launcher.core.mends.mend import Mend

#: by the name that rules and checks use: "module:name"; imported only when one is wanted
MENDS: dict[str, str] = {
    "retry-download": "launcher.core.mends.retry_download:MEND",
    "move-model": "launcher.core.mends.move_model:MEND",
    "other-mirror": "launcher.core.mends.other_mirror:MEND",
    "repair-proxy": "launcher.core.mends.proxies:REPAIR_PROXY",
    "without-proxy": "launcher.core.mends.proxies:WITHOUT_PROXY",
    "local-no-proxy": "launcher.core.mends.local_no_proxy:MEND",
    "next-port": "launcher.core.mends.next_port:MEND",
    "git-path": "launcher.core.mends.git_path:MEND",
    "settings-aside": "launcher.core.mends.settings_aside:MEND",
    "safe-directory": "launcher.core.mends.safe_directory:MEND",
    "git-unlock": "launcher.core.mends.git_unlock:MEND",
    "long-paths": "launcher.core.mends.long_paths:MEND",
    "end-orphan": "launcher.core.mends.end_orphan:MEND",
    "free-space": "launcher.core.mends.free_space:MEND",
    "download-model-again": "launcher.core.mends.download_again:AGAIN_MEND",
    "fetch-lfs-model": "launcher.core.mends.download_again:LFS_MEND",
    "rebuild-environment": "launcher.core.mends.rebuild_environment:MEND",
    "restore-pins": "launcher.core.mends.rebuild_environment:RESTORE",
    "right-torch": "launcher.core.mends.right_torch:MEND",
    "remove-leftovers": "launcher.core.mends.remove_leftovers:MEND",
    "smaller-memory": "launcher.core.mends.smaller_memory:MEND",
    "full-vae": "launcher.core.mends.full_precision:VAE",
    "full-precision": "launcher.core.mends.full_precision:MODEL",
}


def find_mend(name: str) -> Mend:
    """The mend of that name. LauncherError `no-such-mend`."""
    if name not in MENDS:
        raise LauncherError(
            "no-such-mend",
            t('There is no mend "{name}".', name=name),
            t("There are: {names}.", names=", ".join(sorted(MENDS))),
        )
    module, _, attribute = MENDS[name].partition(":")
    mend: Mend = getattr(import_module(module), attribute)
    return mend
