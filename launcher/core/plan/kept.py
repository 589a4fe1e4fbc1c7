"""The torch of an environment that the user went to by hand, in place of the one that Gesso would take."""

from __future__ import annotations

from dataclasses import replace

from launcher.core.environments.installed import Installed
from launcher.core.errors import Finding
from launcher.core.pytorch.choice import TorchChoice
from launcher.core.pytorch.table import read_torch_table
from launcher.core.text import t


def kept_torch(choice: TorchChoice, here: Installed) -> TorchChoice:
    """What is there, with what would be taken instead as a remark."""
    remarks = (*((Finding(choice.slug, "warning", choice.reason),) if choice.slug else ()), *choice.remarks)
    reason = t(
        "{name} was chosen by hand and stays until `gesso install` or `gesso env switch` says otherwise; Gesso itself "
        "would take another one, with {torch}.",
        name=here.environment,
        torch=choice.build or choice.version,
    )
    draws = here.tag != "cpu"
    return replace(
        choice,
        version=(here.torch or "").partition("+")[0],
        build=here.torch,
        tag=here.tag,
        source=here.source,
        reason=reason,
        slug=None,
        remarks=(*remarks, Finding("environment-kept", "info", reason)),
        others=(),
        xformers=here.xformers and here.xformers.partition("+")[0],
        with_xformers=False,
        run_by_us=any(each.full == here.torch and each.run_by_us for each in read_torch_table().builds),
        card=choice.card if draws else None,
        visible=choice.visible if draws else (),
    )
