"""`gesso launch`: start what is installed."""

from __future__ import annotations

from launcher.carrying import add_choices, add_detach, add_serving, proposed, serve
from launcher.core import running
from launcher.core.environments.environments import installed
from launcher.core.environments.installed import Installed
from launcher.core.errors import LauncherError
from launcher.core.proposal import Proposal
from launcher.core.text import t
from launcher.verb import Call, Verb, Words


def _words(words: Words) -> None:
    add_choices(words)
    add_serving(words)
    add_detach(words)


def _launch(call: Call) -> int:
    proposal, here = proposed(call), installed(call.workspace)
    if here.verified and proposal.plan.missing and running.find_running(call.workspace) is None:
        _tell_the_difference(call, proposal, here)
    return serve(call, proposal)


def _tell_the_difference(call: Call, proposal: Proposal, here: Installed) -> None:
    """What is installed is started, though the plan is for another; LauncherError `other-torch` where it does not serve
    the card that was asked for."""
    torch = proposal.plan.torch
    if torch.tag is None:
        return
    if proposal.options.gpu is not None and here.tag not in [each.tag for each in (torch, *torch.others)]:
        raise LauncherError(
            "other-torch",
            t("{name} has PyTorch {found}, which is not for this card.", name=here.environment, found=here.torch),
            t("`gesso up` with the same options makes what it needs, with PyTorch {wanted}.", wanted=torch.build),
        )
    if here.torch == torch.build:
        text = t("{name} is started as it is; `gesso up` would bring it up to date.", name=here.environment)
    else:
        text = t(
            "{name} is started, with PyTorch {found}; for this computer Gesso would take {wanted}: `gesso up` does.",
            name=here.environment,
            found=here.torch,
            wanted=torch.build,
        )
    call.printer.aside(text)


VERB = Verb(_launch, _words, serves=True)
