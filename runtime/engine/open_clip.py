"""OpenCLIP's text models in their original layout, by the names and shapes of transformers' CLIP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runtime.engine.pieces import Piece

_MODULES = {
    "token_embedding": "embeddings.token_embedding",
    "ln_final": "final_layer_norm",
}
_IN_A_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
_LAYER, _OUR_LAYER = "transformer.resblocks.", "encoder.layers."


def open_clip_pieces(prefix: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Piece]:
    """Our name -> piece, for every tensor under `prefix`; what has no name of ours keeps its own."""
    found: dict[str, Piece] = {}
    for name, shape in shapes.items():
        if name.startswith(prefix):
            found.update(_pieces(name, name[len(prefix) :], shape))
    return found


def _pieces(name: str, short: str, shape: tuple[int, ...]) -> Iterator[tuple[str, Piece]]:
    if short == "positional_embedding":
        yield "embeddings.position_embedding.weight", Piece(name, shape)
    elif short == "text_projection" and len(shape) == 2:
        # the original multiplies from the right
        yield "text_projection.weight", Piece(name, shape[::-1], "turned")
    elif ".attn.in_proj_" in short and shape and shape[0] % 3 == 0:
        layer, _, kind = short.removeprefix(_LAYER).partition(".attn.in_proj_")
        for third in ("q", "k", "v"):
            piece = Piece(name, (shape[0] // 3, *shape[1:]), third)
            yield f"{_OUR_LAYER}{layer}.self_attn.{third}_proj.{kind}", piece
    else:
        yield _ours(short), Piece(name, shape)


def _ours(short: str) -> str:
    module, _, kind = short.rpartition(".")
    if short.startswith(_LAYER):
        number, _, inner = module.removeprefix(_LAYER).partition(".")
        return f"{_OUR_LAYER}{number}.{_IN_A_LAYER.get(inner, inner)}.{kind}"
    return f"{_MODULES.get(module, module)}.{kind}"


def open_clip_name(ours: str) -> str:
    """The original's name of our parameter, without a prefix."""
    if ours == "embeddings.position_embedding.weight":
        return "positional_embedding"
    if ours == "text_projection.weight":
        return "text_projection"
    module, _, kind = ours.rpartition(".")
    back = {mine: theirs for theirs, mine in (*_MODULES.items(), *_IN_A_LAYER.items())}
    if not ours.startswith(_OUR_LAYER):
        return f"{back.get(module, module)}.{kind}"
    number, _, inner = module.removeprefix(_OUR_LAYER).partition(".")
    if inner.startswith("self_attn.") and inner.endswith(("q_proj", "k_proj", "v_proj")):
        return f"{_LAYER}{number}.attn.in_proj_{kind}"
    return f"{_LAYER}{number}.{back.get(inner, inner)}.{kind}"
