"""The network step: every place measured for what the plan needs, and the proxies that are set or might be there."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

from launcher.core.errors import LauncherError
from launcher.core.events import Event
from launcher.core.network.mirror_choice import Choice as Mirrored
from launcher.core.network.mirror_choice import chosen, look_around
from launcher.core.network.mirror_survey import samples, survey
from launcher.core.network.mirrors import Kind, read_mirrors
from launcher.core.network.proxies import find_proxies
from launcher.core.network.proxy_check import offers
from launcher.core.network.routes import find_route
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.paths import Workspace
from launcher.core.plan.places import kinds_needed
from launcher.core.plan.plan import Plan
from launcher.core.proxy_address import masked
from launcher.core.settings import change_setting, read_settings
from launcher.core.setup.question import Choice, Question
from launcher.core.text import Text, t

#: the choice to leave everything as it is
AS_IS = "as-is"


@dataclass(frozen=True)
class Network:
    """What was found out about the network."""

    #: the proxy that counts, without its password
    proxy: str | None = None
    #: what is wrong with a proxy that is set
    problems: tuple[Text, ...] = ()
    #: ports of this computer where something listens that may be a proxy
    offers: tuple[int, ...] = ()
    #: which place is asked for what, and why
    choices: tuple[Mirrored, ...] = ()


def proxies_found(workspace: Workspace, environ: Mapping[str, str] = os.environ) -> Network:
    """The proxies alone; a second or two."""
    try:
        found = find_proxies(environ, settings=read_settings(workspace).proxy, pip=read_pip_settings(environ))
    except LauncherError as error:
        return Network(problems=(error.message, error.hint))
    proxy = next(iter(found.addresses), None)
    problems = tuple(problem for source in found.sources for problem in source.problems)
    return Network(proxy and masked(proxy), problems, offers(found))


def measured(
    workspace: Workspace, plan: Plan, cancel: threading.Event | None = None, environ: Mapping[str, str] = os.environ
) -> Generator[Event, None, tuple[Mirrored, ...]]:
    """Every place for the very files of `plan`, as far as this network was not measured of late; seconds per kind.

    Events are Notice, Progress and Probed; the value says which place is asked, and why. LauncherError
    `interrupted`; files that are not right.
    """
    kinds: tuple[Kind, ...] = (*kinds_needed(plan), "huggingface") if plan.missing else ("huggingface",)
    pip = read_pip_settings(environ)
    around = look_around(workspace, environ, kinds, pip=pip)
    tags: dict[Kind, str | None] = {kind: plan.torch.tag if kind == "torch" else None for kind in kinds}
    # Where somebody has chosen there is nothing to find out.
    open_kinds = [kind for kind in kinds if chosen(around, kind, tags[kind]).basis in ("measured", "official")]
    wanted = samples(around, open_kinds, plan.python, plan.torch, environ=environ)
    mirrors = read_mirrors(workspace=workspace)
    router = find_route(mirrors, read_settings(workspace).proxy, environ, pip=pip)
    unknown = [sample for sample in wanted if around.memory.measured(sample.key) is None]
    fresh = yield from survey(workspace, around, unknown, pip=pip, route=router, cancel=cancel)
    around = look_around(workspace, environ, kinds, pip=pip)
    choices = tuple(chosen(around, kind, tags[kind]) for kind in kinds)
    silent = {each.key.partition(":")[0]: len(each.verdicts) for each in fresh if not each.ranking}
    return tuple(_without_answer(each, silent[each.kind]) if each.kind in silent else each for each in choices)


def _without_answer(choice: Mirrored, count: int) -> Mirrored:
    """What nobody could give is remembered nowhere; said is it all the same."""
    return replace(choice, reason=t("None of {count} places gave anything just now; the official one is asked first, "
                                    "and when it fails the others.", count=count))  # fmt: skip


def network_question(network: Network) -> Question | None:
    """None: there is nothing to ask, everything works by itself."""
    if not network.offers:
        return None
    choices = [Choice(AS_IS, t("Go on without it"))]
    choices += [
        Choice(f"127.0.0.1:{port}", t("Use the proxy at 127.0.0.1:{port}", port=port)) for port in network.offers
    ]
    return Question(t("A program on this computer may be a proxy. Shall it be used?"), tuple(choices), AS_IS)


def use_proxy(workspace: Workspace, choice: str) -> bool:
    """Keep the answer; True if the way to the network is another one now. LauncherError as of `change_setting`."""
    if choice == AS_IS:
        return False
    change_setting(workspace, "proxy.address", f"http://{choice}")
    return True
