"""A model whose weights come to the device ahead of their turn, through a ring of slots, while some of them stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from runtime.engine.memory.lanes import Lane
from runtime.engine.weights import Piece, Weights, show, views

#: one works, one arrives
LEAST_SLOTS = 2
#: bytes that may stay, in slots, from which on one of them is worth more as a further slot
_ROOM_FOR_THREE = 3


@dataclass
class _Slot:
    """Bytes on the device that one piece after the other is copied into."""

    memory: Tensor
    piece: Piece | None = None
    mark: Any = None
    #: by the piece's number
    seen: dict[int, tuple[nn.Parameter, ...]] = field(default_factory=dict)

    def views(self, piece: Piece) -> tuple[nn.Parameter, ...]:
        if piece.number not in self.seen:
            self.seen[piece.number] = views(piece, self.memory)
        return self.seen[piece.number]


class Stream:
    """`resident` bytes at most stay on the device beside what never leaves it; None: all do, and nothing is streamed.

    Between `open` and `close` the model can be run. What is not on the device is seen in the master.
    """

    def __init__(self, weights: Weights, device: torch.device, lane: Lane, resident: int | None) -> None:
        self._weights, self._device, self._lane = weights, device, lane
        self._staying, self._ring = _chosen(weights.pieces, resident)
        #: by the piece's number, the bytes on the device
        self._resident: dict[int, Tensor] = {}
        self._slots: list[_Slot] = []
        self._hooks: list[RemovableHandle] = []
        self._now: Piece | None = None
        #: by the number of each piece, the one that was run after it last time; at first as the model is built
        blocks = [piece for piece in weights.pieces if piece.block is not None]
        self._after = {one.number: other for one, other in zip(blocks, blocks[1:] + blocks[:1], strict=True)}

    @property
    def streams(self) -> bool:
        """Does any piece not stay?"""
        return len(self._staying) < len(self._weights.pieces)

    @property
    def bytes_on_device(self) -> int:
        return sum(one.nbytes for one in self._resident.values()) + sum(one.memory.nbytes for one in self._slots)

    def open(self) -> None:
        """Bring what stays, and the first that does not; what lies there already is left."""
        for piece in self._weights.pieces:
            if piece.number in self._staying and piece.number not in self._resident:
                self._settle(piece)
        if not self.streams or self._hooks:
            return
        streamed = [piece for piece in self._weights.pieces if piece.number not in self._staying]
        self._slots = [_Slot(self._empty(max(piece.size for piece in streamed))) for _ in range(self._ring)]
        for piece in streamed[: self._ring]:
            self._fetch(piece, [])
        for piece in self._weights.pieces:
            if piece.block is not None:
                self._hooks.append(piece.block.register_forward_pre_hook(self._entering(piece)))

    def rest(self) -> None:
        """Nobody runs the model for now: slots are given back, and every layer sees the master or what stays."""
        for hook in self._hooks:
            hook.remove()
        for slot in self._slots:
            if slot.piece is not None:
                self._weights.leave(slot.piece)
        if self._slots:
            self._lane.finish()
        self._hooks, self._slots, self._now = [], [], None

    def close(self) -> None:
        """Nothing of the model stays on the device."""
        self.rest()
        for piece in self._weights.pieces:
            if self._resident.pop(piece.number, None) is not None:
                self._weights.leave(piece)

    def shrink(self) -> bool:
        """Let half of what stays stay no longer; False if nothing can go. The model has to be opened again."""
        ranked = [number for number in _by_worth(self._weights.pieces) if number in self._staying]
        going = ranked[len(ranked) // 2 :]
        if not going and self._ring == LEAST_SLOTS:
            return False
        self._ring = LEAST_SLOTS
        self._staying -= set(going)
        self.rest()
        for number in going:
            if self._resident.pop(number, None) is not None:
                self._weights.leave(self._weights.pieces[number])
        return True

    def _settle(self, piece: Piece) -> None:
        memory = self._empty(piece.size)
        self._lane.wait(self._lane.copy(memory, self._weights.of(piece)))
        self._resident[piece.number] = memory
        show(piece, views(piece, memory))

    def _empty(self, size: int) -> Tensor:
        # these bytes are written to outside of inference, too
        with torch.inference_mode(False):
            return torch.empty(size, dtype=torch.uint8, device=self._device)

    def _entering(self, piece: Piece) -> Any:
        def enter(_block: nn.Module, _inputs: Any) -> None:
            self._enter(piece)

        return enter

    def _enter(self, piece: Piece) -> None:
        """Before a block is run: its weights are there, and those of the next ones are on their way."""
        if piece is self._now:
            return
        if self._now is not None:
            self._after[self._now.number] = piece
        self._now = piece
        if piece.number not in self._staying:
            slot = self._slot_of(piece) or self._fetch(piece, [piece])
            self._lane.wait(slot.mark)
        ahead = list(self._ahead(piece))
        for one in ahead:
            if self._slot_of(one) is None:
                self._fetch(one, [piece, *ahead])

    def _ahead(self, piece: Piece) -> Iterator[Piece]:
        """The next pieces that do not stay, as many as there are slots to spare."""
        spare = len(self._slots) - (piece.number not in self._staying)
        following = piece
        for _ in self._weights.pieces:
            following = self._after[following.number]
            if following is piece or spare == 0:
                return
            if following.number not in self._staying:
                spare -= 1
                yield following

    def _slot_of(self, piece: Piece) -> _Slot | None:
        return next((slot for slot in self._slots if slot.piece is piece), None)

    def _fetch(self, piece: Piece, wanted: list[Piece]) -> _Slot:
        """Copy a piece into a slot that none of the wanted ones is in."""
        empty = (one for one in self._slots if one.piece is None)
        slot = next(empty, None) or next(one for one in self._slots if one.piece not in wanted)
        if slot.piece is not None:
            self._weights.leave(slot.piece)
        slot.piece, slot.mark = piece, self._lane.copy(slot.memory[: piece.size], self._weights.of(piece))
        show(piece, slot.views(piece))
        return slot


def _by_worth(pieces: tuple[Piece, ...]) -> list[int]:
    """Numbers of the pieces, what should stay first at the front.

    The middle of a U-Net has most of its weights and, its pictures being small there, least of its work: copies of
    what lies there cannot hide behind it. The layers of text models are worth the same.
    """
    middle = len(pieces) / 2
    blocks = [piece.number for piece in pieces if piece.block is not None]
    return sorted(blocks, key=lambda number: abs(number - middle))


def _chosen(pieces: tuple[Piece, ...], resident: int | None) -> tuple[set[int], int]:
    """Numbers of the pieces that stay (those of no block always do), and how many slots serve the others."""
    staying = {piece.number for piece in pieces if piece.block is None}
    if resident is None:
        return {piece.number for piece in pieces}, LEAST_SLOTS
    slot = max((piece.size for piece in pieces if piece.block is not None), default=0)
    more = resident >= _ROOM_FOR_THREE * slot
    room = resident - slot if more else resident
    for number in _by_worth(pieces):
        if pieces[number].size <= room:
            room -= pieces[number].size
            staying.add(number)
    return staying, LEAST_SLOTS + more
