"""`gesso proxy`: which proxies are set where, which way each service goes, and Gesso's own setting."""

from __future__ import annotations

import os
from typing import Any

from launcher.core.download.request import host
from launcher.core.network.mirrors import read_mirrors
from launcher.core.network.proxies import Proxies, find_proxies
from launcher.core.network.proxy_check import Checked, check, offers, service_addresses
from launcher.core.network.proxy_settings import Said
from launcher.core.network.proxy_trial import Trial
from launcher.core.network.routes import find_route
from launcher.core.packages.pip_settings import read_pip_settings
from launcher.core.proxy_address import masked, repaired
from launcher.core.settings import change_setting, read_settings
from launcher.core.text import Text, t
from launcher.core.web_address import is_address
from launcher.proxy_words import source_lines
from launcher.verb import DONE, FAILED, Action, Call, UsageError, Verb, Words


def _show(call: Call) -> int:
    settings = read_settings(call.workspace).proxy
    proxies = find_proxies(os.environ, settings=settings, pip=read_pip_settings(os.environ))
    listening = offers(proxies)
    if call.printer.json:
        sources = [_source_record(call, source, proxies) for source in proxies.sources]
        answer = {"source": proxies.source, "sources": sources, "direct": settings.direct, "offers": listening}
        call.printer.answer(answer)
        return DONE
    if not proxies.sources:
        call.printer.result(t("No proxy is set: everything goes directly."))
    for source in proxies.sources:
        for line in source_lines(source, counts=source is proxies.chosen):
            call.printer.result(line)
    if settings.direct:
        call.printer.result(t("Always directly: {services}", services=", ".join(settings.direct)))
    for port in listening:
        offer = t(
            "Something listens at 127.0.0.1:{port}; if it is your proxy: gesso proxy set 127.0.0.1:{port}", port=port
        )
        call.printer.result(offer)
    return DONE


def _source_record(call: Call, source: Said, proxies: Proxies) -> dict[str, Any]:
    return {
        "source": source.source,
        "counts": source is proxies.chosen,
        "none": source.none,
        "http": source.http and masked(source.http),
        "https": source.https and masked(source.https),
        "bypass": source.bypass,
        "script": source.script and masked(source.script),
        "problems": [call.printer.text(problem) for problem in source.problems],
    }


def _set(call: Call) -> int:
    given = str(call.arguments.words.address).strip()
    word = given.lower()
    address = None if word == "auto" else "none" if word == "none" else repaired(given)
    change_setting(call.workspace, "proxy.address", address)
    if call.printer.json:
        call.printer.answer({"address": address and masked(address)})
    elif address is None:
        call.printer.result(t("Gesso follows the environment and the system again."))
    elif address == "none":
        call.printer.result(t("Gesso uses no proxy, whatever the system says."))
    else:
        call.printer.result(t("Gesso uses {proxy}. `gesso proxy test` tries it.", proxy=masked(address)))
    return DONE


def _test(call: Call) -> int:
    mirrors, pip = read_mirrors(workspace=call.workspace), read_pip_settings(os.environ)
    router = find_route(mirrors, read_settings(call.workspace).proxy, os.environ, pip=pip)
    url = call.arguments.words.url
    if url and not is_address(url):
        raise UsageError(t('"{url}" is no web address: it begins with http:// or https://.', url=masked(url)))
    checked = check(router, {host(url): url} if url else service_addresses(mirrors, pip))
    if call.printer.json:
        call.printer.answer({"services": [_record(call, each) for each in checked]})
    else:
        for line in (line for each in checked for line in _lines(each)):
            call.printer.result(line)
    return DONE if any(each.works for each in checked) else FAILED


def _record(call: Call, each: Checked) -> dict[str, Any]:
    return {
        "service": each.service,
        "url": masked(each.url),
        "works": each.works,
        "way": "direct" if each.way.proxy is None else "proxy",
        "reason": call.printer.text(each.way.reason),
        "direct": _trial_record(each.direct),
        "proxy": each.through and _trial_record(each.through),
    }


def _trial_record(trial: Trial) -> dict[str, Any]:
    return {"kind": trial.kind, "seconds": round(trial.seconds, 2)}


def _lines(each: Checked) -> list[Text]:
    way = t("directly") if each.way.proxy is None else t("through the proxy")
    lines = [
        t("{service}: {way} ({reason})", service=each.service, way=way, reason=each.way.reason),
        t("  directly: {result}", result=each.direct.sentence),
    ]
    return [*lines, t("  through the proxy: {result}", result=each.through.sentence)] if each.through else lines


def _set_words(words: Words) -> None:
    words.add(
        "address", t("such as http://127.0.0.1:7890; none: no proxy; auto: as the system says"), metavar="ADDRESS"
    )


def _test_words(words: Words) -> None:
    words.add("url", t("a web address to try instead of the services"), nargs="?", metavar="URL")


VERB = Verb(
    actions={
        "show": Action(t("the proxies that are set, where, and which counts"), _show),
        "set": Action(t("Gesso's own setting, which wins over the others"), _set, _set_words),
        "test": Action(t("try every service directly and through the proxy"), _test, _test_words),
    }
)
