"""Addresses of models as people copy them: which file is meant, who is asked first, who gets a token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from launcher.core.download.door import Address, Wanted
from launcher.core.errors import LauncherError
from launcher.core.events import Event
from launcher.core.models import addresses as models_addresses
from launcher.core.models import fetch as models_fetch
from launcher.core.models.addresses import (
    OnlineFile,
    Ways,
    authorization,
    file_address,
    find_ways,
    measured_ways,
    typed_first,
)
from launcher.core.models.fetch import fetch_one
from launcher.core.models.told import Published, of_civitai, of_hugging_face
from launcher.core.paths import Workspace
from launcher.core.text import t
from tests.launcher.core_act.test_models_fetched import ways


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("https://huggingface.co/a/b/blob/main/x%20y.safetensors", "https://huggingface.co/a/b/resolve/main/x%20y.safetensors"),
        ("https://hf-mirror.com/a/b/resolve/v1/sub/x.ckpt?download=true", "https://huggingface.co/a/b/resolve/v1/sub/x.ckpt"),
        ("https://huggingface.co/datasets/a/b/resolve/main/x.pt", "https://huggingface.co/datasets/a/b/resolve/main/x.pt"),
        ("https://huggingface.sukaka.top/a/b/blob/main/x.ckpt", "https://huggingface.co/a/b/resolve/main/x.ckpt"),
        ("https://ghfast.top/https://github.com/a/b/blob/v/x.pth", "https://github.com/a/b/raw/v/x.pth"),
        ("https://www.modelscope.cn/models/A/B/file/view/master/sub/x.pt?status=2", "https://www.modelscope.cn/models/A/B/resolve/master/sub/x.pt"),
        ("https://civitai.com/models/1/name?modelVersionId=22", "https://civitai.com/api/download/models/22"),
        ("https://civitai.com/api/download/models/22?type=Model", "https://civitai.com/api/download/models/22?type=Model"),
        ("https://www.civitai.com/api/download/models/22?fileId=3", "https://civitai.com/api/download/models/22?fileId=3"),
        ("https://github.com/a/b/blob/main/x.pt", "https://github.com/a/b/raw/main/x.pt"),
        ("https://example.org/x.safetensors", "https://example.org/x.safetensors"),
    ],
)  # fmt: skip
def test_addresses_as_people_copy_them(url: str, file: str) -> None:
    assert file_address(url) == file


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://huggingface.co/a/b", "page-address"),
        ("https://huggingface.co/a/b/tree/main", "page-address"),
        ("https://civitai.com/models/1", "page-address"),
        ("https://modelscope.cn/models/A/B", "page-address"),
        ("https://www.modelscope.cn/models/A/B/files", "page-address"),
        ("ftp://example.org/x", "not-an-address"),
        ("file:///etc/passwd", "not-an-address"),
        ("https://", "not-an-address"),
        ("https://example.org/a b", "not-an-address"),
        ("https://example.org/\nx", "not-an-address"),
    ],
)
def test_addresses_that_lead_to_no_file(url: str, code: str) -> None:
    with pytest.raises(LauncherError) as refused:
        file_address(url)
    assert refused.value.code == code


def test_a_token_goes_to_its_own_host_alone(workspace: Workspace) -> None:
    environ = {"HF_TOKEN": "hf_secret", "CIVITAI_API_TOKEN": "civ"}
    assert authorization("https://huggingface.co/a/b/resolve/main/x", environ) == "Bearer hf_secret"
    assert authorization("https://civitai.com/api/download/models/1", environ) == "Bearer civ"
    for url in ("https://hf-mirror.com/a", "http://huggingface.co/a", "https://evil-huggingface.co/a", "https://x.org"):
        assert authorization(url, environ) is None
    found = find_ways(workspace, environ).of(["https://huggingface.co/a/b/resolve/main/x.safetensors"])
    assert len(found) > 1
    told = {address.url: address.authorization for address in found if address.authorization}
    assert told == {"https://huggingface.co/a/b/resolve/main/x.safetensors": "Bearer hf_secret"}


@pytest.mark.parametrize(
    ("host", "code", "gated"),
    [
        ("https://huggingface.co/a", "download-unauthorized", True),
        ("https://civitai.com/a", "download-login-page", True),
        ("https://huggingface.co/a", "download-login-page", False),
        ("https://example.org/a", "download-refused", False),
    ],
)
def test_only_a_host_that_takes_tokens_asks_for_one(
    host: str, code: str, gated: bool, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object, **__: object) -> Iterator[Event]:
        raise LauncherError(code, t("No."), t("Do."))
        yield

    monkeypatch.setattr(models_fetch, "download", refusing)
    wanted = Wanted("x", workspace.root / "x", (Address("https://mirror.example/a"), Address(host)))
    with pytest.raises(LauncherError) as refused:
        list(fetch_one(wanted, ways(workspace), None))
    assert refused.value.code == ("model-gated" if gated else code)
    assert not gated or str(refused.value.message).startswith(host.split("/")[2])


def test_a_mirror_whose_address_is_given_is_asked_first(workspace: Workspace) -> None:
    typed, official = "https://hf-mirror.com/a/b/blob/main/x", "https://huggingface.co/a/b/resolve/main/x"
    found = find_ways(workspace, {}).of([official])
    asked = typed_first(found, typed, official)
    assert asked[0].url == "https://hf-mirror.com/a/b/resolve/main/x"
    assert set(asked) == set(found)
    assert typed_first(found, official, official) == found
    civitai = "https://civitai.com/api/download/models/22?fileId=3"
    found = find_ways(workspace, {}).of([civitai])
    assert typed_first(found, civitai.replace("//", "//www."), civitai) == found
    elsewhere = find_ways(workspace, {"HF_ENDPOINT": "https://example.org"}).of([official])
    assert [one.url for one in typed_first(elsewhere, typed, official)] == [
        "https://hf-mirror.com/a/b/resolve/main/x", "https://example.org/a/b/resolve/main/x",
    ]  # fmt: skip


def test_a_chosen_mirror_is_the_one_that_is_asked(workspace: Workspace) -> None:
    found = find_ways(workspace, {"HF_ENDPOINT": "https://hf-mirror.com"}).of(
        ["https://huggingface.co/a/b/resolve/main/x"]
    )
    assert [address.url for address in found] == ["https://hf-mirror.com/a/b/resolve/main/x"]


def test_what_publishers_tell_of_a_file() -> None:
    files = [
        {"id": 1, "name": "a.safetensors", "primary": True, "hashes": {"SHA256": "AB" * 32}},
        {"id": 2, "name": "b.pt", "hashes": {"SHA256": "nonsense"}},
    ]
    assert of_civitai({"files": files}) == Published("a.safetensors", "ab" * 32)
    assert of_civitai({"files": files}, "2") == Published("b.pt", None)
    assert of_civitai([]) == of_civitai({"files": [3]}) == Published()
    listed = [{"path": "x/a.ckpt", "size": 9, "lfs": {"oid": "cd" * 32, "size": 9}}, {"path": "x/b", "size": 1}, 7]
    assert of_hugging_face(listed, "x/a.ckpt") == Published("a.ckpt", "cd" * 32, 9)
    assert of_hugging_face(listed, "x/b") == Published("b", None, 1)
    assert of_hugging_face(listed, "y") == Published()


# -- mirrors are measured for the very file


def surveyed(workspace: Workspace, ways: Ways, *files: OnlineFile) -> list[str]:
    """The addresses of the files that would be asked for; the survey itself has tests of its own."""
    asked: list[str] = []

    def survey(_: Workspace, around: Any, wanted: Any, **more: Any) -> Any:
        asked.extend(sample.url for sample in wanted)
        yield from ()
        return around

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models_addresses, "survey_unknown", survey)
        list(measured_ways(workspace, ways, files, None))
    return asked


def test_a_large_file_is_worth_measuring_once_for_each_kind(workspace: Workspace) -> None:
    def at(host: str, name: str, size: int | None) -> OnlineFile:
        return OnlineFile(f"https://{host}/a/b/resolve/main/{name}", size, None)

    large = 64 * 1024 * 1024
    files = (
        at("huggingface.co", "small", 1000),
        at("huggingface.co", "unknown", None),
        at("huggingface.co", "first", large),
        at("huggingface.co", "second", large),
        at("example.org", "elsewhere", large),
    )
    assert surveyed(workspace, find_ways(workspace, {}), *files) == ["https://huggingface.co/a/b/resolve/main/first"]
    chosen = find_ways(workspace, {"HF_ENDPOINT": "https://hf-mirror.com"})
    assert surveyed(workspace, chosen, *files) == []


@pytest.mark.parametrize("token", ["你的令牌", "hf_a\nb", "hf a"])
def test_what_is_no_token_is_said(token: str) -> None:
    with pytest.raises(LauncherError, match="bad-token"):
        authorization("https://huggingface.co/a", {"HF_TOKEN": token})
