"""What a browser with the page open asks the server, without the browser."""

from __future__ import annotations

import json
import secrets
from typing import Any

import httpx


class Page:
    """One visitor. `listened` makes calls as the page's own controls do, with the values that they begin with."""

    def __init__(self, url: str, timeout: float = 600) -> None:
        self.client = httpx.Client(base_url=url, timeout=timeout, trust_env=False)
        self._session = secrets.token_hex(6)
        found = self._got("/config").json()
        self._controls = {one["id"]: one["props"] for one in found["components"]}
        self._calls = found["dependencies"]

    def close(self) -> None:
        self.client.close()

    def look(self) -> int:
        """The page itself, its description, and how far it is; returns the bytes."""
        pages = [self._got(path) for path in ("/", "/config", "/sdapi/v1/progress")]
        self.client.post("/internal/progress", json={"id_task": "none", "id_live_preview": -1}).raise_for_status()
        return sum(len(one.content) for one in pages)

    def count_words(self, prompt: str) -> Any:
        """As after every key in the prompt."""
        return self._call("txt2img_prompt", "change", prompt)

    def generate(self, prompt: str) -> Any:
        """A click on Generate: joins the queue and listens until the end; returns what the page is told then."""
        return self._call("txt2img_generate", "click", prompt)

    def _call(self, control: str, event: str, prompt: str) -> Any:
        call = next(one for one in self._calls if self._belongs(one, control, event))
        small = {"txt2img_prompt": prompt, "txt2img_steps": 2, "txt2img_width": 64, "txt2img_height": 64}
        props = [self._controls[each] for each in call["inputs"]]
        data = [small.get(each.get("elem_id"), each.get("value")) for each in props]
        body = {"data": data, "fn_index": call["id"], "session_hash": self._session, "event_data": None}
        if not call["queue"]:
            answer = self.client.post("/gradio_api/run/predict", json=body)
            return answer.raise_for_status().json()["data"]
        joined = self.client.post("/gradio_api/queue/join", json=body).raise_for_status().json()
        return self._end_of(joined["event_id"])

    def _belongs(self, call: dict[str, Any], control: str, event: str) -> bool:
        named = [(self._controls.get(each, {}).get("elem_id"), what) for each, what in call["targets"]]
        return (control, event) in named

    def _end_of(self, name: str) -> Any:
        with self.client.stream("GET", f"/gradio_api/queue/data?session_hash={self._session}") as lines:
            for line in lines.iter_lines():
                said = json.loads(line[5:]) if line.startswith("data:") else {}
                if said.get("event_id") == name and said.get("msg") == "process_completed":
                    assert said["success"], said
                    return said["output"]["data"]
        raise AssertionError("The page was told of no end.")

    def _got(self, path: str) -> httpx.Response:
        return self.client.get(path, headers={"Accept": "text/html"} if path == "/" else {}).raise_for_status()
