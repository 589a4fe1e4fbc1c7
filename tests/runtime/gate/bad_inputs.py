"""Requests that no client should send, made by chance from the server's own openapi.json."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from tests.runtime.gate.bad_pictures import coded
from tests.runtime.gate.bad_values import NUMBERS, SPOILT, TEXTS, Raw, anything, letters, written
from tests.runtime.gate.lines import Asking, Headers

JSON = (b"Content-Type", b"application/json")
#: which route of each is asked, where a request is about no route of its own
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "GESSO", "get")
_TYPES = (
    *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data"),
    *(
        "application/xml",
        "application/json; charset=utf-7",
        "application/json;;;",
        "json",
        "",
        "*/*",
        "image/png",
        "\xff",
    ),
    *("application/octet-stream", "application/jsonx", "application/json, text/plain", "a" * 5000),
)
_HEADERS: tuple[tuple[bytes, tuple[bytes, ...]], ...] = (
    (
        b"Host",
        (b"", b"evil.example", b"127.0.0.1.evil", b"localhost:99999999", b"[::1", b"[]", b"@", b"\xff", b"a" * 3000),
    ),
    (
        b"Origin",
        (b"null", b"http://evil.example", b"http://[", b"http://localhost:1:2", b"file://", b"\xff\xfe", b"://"),
    ),
    (b"Sec-Fetch-Site", (b"cross-site", b"same-site", b"\xff", b"none none")),
    (
        b"Authorization",
        (b"Basic", b"Basic =", b"Basic " + b"A" * 9000, b"Bearer ", b"Digest x", b"\xff\xff", b"Basic \xff"),
    ),
    (b"Cookie", (b"=", b";;;;", b"a=" + b"b" * 9000, b"\xff=\xff", b'a="\\400"', b"gesso-7860=x; gesso-7860=y")),
    (b"Range", (b"bytes=0-0", b"bytes=" + b"0-1," * 2000, b"bytes=-1", b"bytes=9999999999999999999-", b"x")),
    (b"Accept", (b"text/html", b"*/*;q=nan", b"a/b," * 2000)),
    (b"Accept-Encoding", (b"gzip", b"gzip;q=2, br", b"identity;q=0", b"\xff")),
    (b"Accept-Language", (b"zh", b"x" * 4000, b"\xff", b"zh;q=99")),
    (b"Content-Encoding", (b"gzip", b"br", b"deflate, gzip", b"x")),
    (b"Content-Type", (b"application/json", *(one.encode("latin-1") for one in _TYPES))),
    (b"X-Forwarded-For", (b"127.0.0.1", b"::::", b"1, 2, 3", b"\xff")),
    (b"X-Forwarded-Host", (b"evil.example", b"", b"\xff")),
    (b"X-Forwarded-Proto", (b"https", b"javascript", b"\xff")),
    (b"Access-Control-Request-Method", (b"POST", b"\xff", b"")),
    (b"If-Modified-Since", (b"yesterday", b"Sun, 99 Nov 99999 99:99:99 GMT")),
    (b"If-None-Match", (b"*", b'W/"', b"\xff")),
    (b"X-HTTP-Method-Override", (b"DELETE",)),
    (b"Connection", (b"close", b"keep-alive, x", b"te")),
)
_QUERIES = (
    b"?", b"?=", b"?&&&", b"?a", b"?%", b"?%zz", b"?%00", b"?%ff%fe", b"?a[]=1&a[0]=2", b"?a=" + b"b" * 9000,
    b"?a=b" * 500,
    b"?\xff\xfe", b"?skip_current_image=maybe", b"?skip_current_image=", b"?skip_current_image=1&skip_current_image=x",
    b"?skip_current_image[]=true", b"?skip_current_image=%00", b"?skip_current_image=%ed%a0%80",
    b"?__theme=%0d%0aX:1", b"??", b"?#",
)  # fmt: skip
#: what becomes of a path
_PATHS: tuple[Callable[[bytes], bytes], ...] = (
    lambda path: path + b"/",
    lambda path: b"/" + path,
    lambda path: path.replace(b"/", b"//"),
    lambda path: path.upper(),
    lambda path: path + b"%00",
    lambda path: path + b"%2f..",
    lambda path: path.replace(b"/", b"%2f"),
    lambda path: path + b";x=1",
    lambda path: path + b"%",
    lambda path: path + b"%ff",
    lambda path: path + b"/../" + path[1:],
    lambda path: path[:-1],
    lambda path: path + b"/" + b"a" * 3000,
    lambda path: path + b"\xff\xfe",
    lambda path: b"http://evil.example" + path,
)


@dataclass(frozen=True)
class Operation:
    """A method of a path, and the schema of its body; None where it takes none."""

    method: str
    path: str
    body: Mapping[str, Any] | None
    #: as {"name": schema} of its query
    query: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """All that an OpenAPI document names."""
    return [
        Operation(
            method.upper(),
            path,
            about.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema"),
            {one["name"]: one.get("schema", {}) for one in about.get("parameters", ()) if one["in"] == "query"},
        )
        for path, methods in document["paths"].items()
        for method, about in methods.items()
    ]


class Maker:
    """Makes bad requests; the same chance makes the same one."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.operations = operations(document)
        self._schemas = document.get("components", {}).get("schemas", {})

    def numbered(self, operation: Operation, number: int) -> Asking:
        """Number `number` of the requests for this operation, the same in every run."""
        return self.make(operation, Random(f"{operation} {number}"))

    def make(self, operation: Operation, chance: Random) -> Asking:
        wish = chance.randrange(20)
        kinds = ("method", "query", "headers", "path") if wish < 4 or operation.body is None else ("fields",) * 6
        kinds = (*kinds, "body", "spoilt", "type") if operation.body is not None and wish >= 4 else kinds
        kind = chance.choice(kinds)
        made: Asking = getattr(self, f"_bad_{kind}")(operation, chance)
        return replace(made, kind=kind)

    def _plain(self, operation: Operation, body: Any = None) -> Asking:
        """As it should be, with this body."""
        if operation.body is None or body is None:
            return Asking(operation.method, operation.path.encode())
        return Asking(operation.method, operation.path.encode(), (JSON,), written(body).encode())

    def _bad_fields(self, operation: Operation, chance: Random) -> Asking:
        """An object of the right fields, some with wrong values."""
        return self._plain(operation, self._object(operation.body or {}, chance))

    def _bad_body(self, operation: Operation, chance: Random) -> Asking:
        return self._plain(operation, anything(chance))

    def _bad_spoilt(self, operation: Operation, chance: Random) -> Asking:
        text = written(self._object(operation.body or {}, chance))
        return replace(self._plain(operation, {}), body=chance.choice(SPOILT)(text, chance))

    def _bad_type(self, operation: Operation, chance: Random) -> Asking:
        body = written(self._object(operation.body or {}, chance)).encode()
        if chance.random() < 0.5:
            body = chance.choice((b"a=b&c=d", b"--x\r\n\r\na\r\n--x--", b"--x\r\n" * 500, b"", b"%00=%ff", body[::-1]))
        headers: Headers = ((b"Content-Type", chance.choice(_TYPES).encode("latin-1")),)
        return replace(self._plain(operation), headers=headers * chance.choice((1, 1, 2)), body=body)

    def _bad_method(self, operation: Operation, chance: Random) -> Asking:
        body = chance.choice((None, None, b"", b"{}", b"x" * 3000))
        asking = Asking(chance.choice(METHODS), operation.path.encode(), (JSON,) if body else (), body)
        return replace(asking, target=asking.target + chance.choice((b"", b"", *_QUERIES)))

    def _bad_query(self, operation: Operation, chance: Random) -> Asking:
        query = chance.choice(_QUERIES)
        if operation.query and chance.random() < 0.5:
            name = chance.choice(list(operation.query))
            value = letters(chance).encode("utf-8", "surrogatepass")
            coded_value = b"".join(b"%%%02x" % one for one in value)
            query = b"?" + name.encode() + b"=" + coded_value
        asking = self._plain(operation)
        return replace(asking, target=asking.target + query)

    def _bad_headers(self, operation: Operation, chance: Random) -> Asking:
        chosen = [(name, chance.choice(values)) for name, values in chance.sample(_HEADERS, chance.randint(1, 4))]
        if chance.random() < 0.1:
            chosen += [(b"X-%d" % number, b"y" * 10) for number in range(chance.choice((60, 120, 140, 400)))]
        if chance.random() < 0.05:
            chosen.append((b"X-Long", b"z" * chance.choice((8_000, 40_000))))
        asking = self._plain(operation, {} if operation.body else None)
        return replace(asking, headers=(*asking.headers, *chosen))

    def _bad_path(self, operation: Operation, chance: Random) -> Asking:
        asking = self._plain(operation, {} if operation.body else None)
        return replace(asking, target=chance.choice(_PATHS)(asking.target))

    def _object(self, schema: Mapping[str, Any], chance: Random) -> dict[str, Any]:
        """Some fields of an object, one to four of them wrong."""
        known = list(self._fields(schema))
        if not known:
            return {letters(chance): anything(chance)}
        found = {name: self._fitting(name, about, chance) for name, about in known if name in self._needed(schema)}
        for name, about in chance.sample(known, min(len(known), chance.randint(0, 6))):
            found[name] = self._fitting(name, about, chance)
        for name, about in chance.sample(known, min(len(known), chance.randint(1, 4))):
            found[name] = self._wrong(name, about, chance)
        if chance.random() < 0.1:
            found[letters(chance)] = anything(chance)
        return found

    def _fields(self, schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        yield from self._resolved(schema).get("properties", {}).items()

    def _needed(self, schema: Mapping[str, Any]) -> list[str]:
        needed: list[str] = self._resolved(schema).get("required", [])
        return needed

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def _kinds(self, schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        schema = self._resolved(schema)
        return [self._resolved(one) for one in schema.get("anyOf", [schema])]

    def _wrong(self, name: str, schema: Mapping[str, Any], chance: Random) -> Any:
        """Of another type, of the right one and absurd, or right outside and wrong inside."""
        if chance.random() < 0.3:
            return anything(chance)
        if holds_picture(name):
            found: Any = coded(chance)
            listed = any(one.get("type") == "array" for one in self._kinds(schema))
            return [{"data": found, "name": letters(chance)} if name == "imageList" else found] if listed else found
        inside = self._inside(schema, chance)
        return chance.choice((*NUMBERS, *TEXTS, None, True, [], {}, Raw("[]"))) if inside is None else inside

    def _inside(self, schema: Mapping[str, Any], chance: Random) -> Any:
        for one in self._kinds(schema):
            if one.get("type") == "array":
                inner = one.get("items", {})
                return [self._wrong("", inner, chance) for _ in range(chance.choice((0, 1, 3, 30)))]
            if one.get("type") == "object" and one.get("properties"):
                return self._object(one, chance)
            if one.get("type") == "object":
                return {chance.choice(TEXTS)[:200]: anything(chance) for _ in range(chance.choice((0, 1, 5)))}
        return None

    def _fitting(self, name: str, schema: Mapping[str, Any], chance: Random) -> Any:
        """What the field takes, mostly."""
        if holds_picture(name):
            return self._wrong(name, schema, chance)
        if "default" in schema and chance.random() < 0.5:
            return schema["default"]
        simple: dict[Any, tuple[Any, ...]] = {
            "integer": (1, 2, 64, 0, -1),
            "number": (0.5, 1, 7.0, 0),
            "string": ("a cat", "Euler a", "None", "", "(x:1.2)"),
            "boolean": (True, False),
            "array": ([], ["a"]),
            "object": ({}, {"a": 1}),
            "null": (None,),
        }
        return chance.choice(simple.get(chance.choice(self._kinds(schema)).get("type"), (None, 1, "a")))


def holds_picture(name: str) -> bool:
    return name in ("image", "init_images", "mask", "latent_mask", "firstpass_image", "imageList", "data")
