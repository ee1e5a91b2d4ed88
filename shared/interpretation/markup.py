"""The model's markup, taken apart while it is still arriving.

    A <p>ship</p>[0.10,0.20,0.30,0.40] lies at the <p>pier</p>[SEG].

gives the words "A ship lies at the pier.", one box for "ship" and one mask for "pier". Models write
malformed markup now and then: what cannot be markup is passed on as words, numbers that make no box
are left out, and nothing is ever raised. However the text is cut into chunks, the pieces are the
same (words merely come in other portions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

UnitBox = tuple[float, float, float, float]

# Longest "[...]" taken for boxes, about 170 of them; beyond it the bracket was only a word.
MAX_BOX_TEXT = 4096
MAX_PHRASE = 512

_OPEN, _CLOSE, _SEG = "<p>", "</p>", "[SEG]"
_LITERALS = (_OPEN, _CLOSE, _SEG)
_MARKUP_START = re.compile(r"[<\[]")
_BOX_TEXT = re.compile(r"\[[0-9.,;+\- \t\n]*")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Words:
    """Text without markup."""

    text: str


@dataclass(frozen=True, slots=True)
class PhraseBoxes:
    """Boxes for a phrase as written: normally x0, y0, x1, y1 in 0..1 of the window."""

    phrase: str
    boxes_xyxy: tuple[UnitBox, ...]


@dataclass(frozen=True, slots=True)
class PhraseMask:
    """A [SEG]: a mask is to follow for the phrase."""

    phrase: str


Piece = Words | PhraseBoxes | PhraseMask


class MarkupReader:
    """Takes text in chunks, gives pieces; holds back only what may still become markup."""

    def __init__(self) -> None:
        """Starts at the beginning of an answer."""
        self._held = ""
        self._open_phrase: str | None = None
        self._last_phrase = ""
        self._pieces: list[Piece] = []

    def feed(self, text: str) -> list[Piece]:
        """Takes the next chunk; returns the pieces that are certain by now."""
        self._held = self._read(self._held + text)
        return self._taken()

    def finish(self) -> list[Piece]:
        """Says that nothing follows; returns what was held back.

        Boxes cut off in the middle lose the box that is incomplete, not those before it.
        """
        rest, self._held = self._held, ""
        if rest and re.match(r"\[[0-9.,;+\- \t\n]*[0-9]", rest):
            self._boxes(rest[1:].rpartition(";")[0])
        elif rest:
            self._words(rest)
        return self._taken()

    def _taken(self) -> list[Piece]:
        pieces, self._pieces = self._pieces, []
        return pieces

    def _read(self, text: str) -> str:
        """Reads all of `text` that is certain; returns the rest."""
        position = 0
        while start := _MARKUP_START.search(text, position):
            self._words(text[position : start.start()])
            end = self._markup(text, start.start())
            if end is None:
                return text[start.start() :]
            position = end
        self._words(text[position:])
        return ""

    def _markup(self, text: str, start: int) -> int | None:
        """Reads markup, or one character that is none; returns its end, None if not there yet."""
        for literal in _LITERALS:
            if text.startswith(literal, start):
                self._literal(literal)
                return start + len(literal)
            if literal.startswith(text[start : start + len(literal)]):
                return None
        boxes = _BOX_TEXT.match(text, start)
        if boxes and boxes.end() - start <= MAX_BOX_TEXT:
            if boxes.end() == len(text):
                return None
            if text[boxes.end()] == "]":
                inside = text[start + 1 : boxes.end()]
                if not self._boxes(inside):
                    self._words(f"[{inside}]")
                return boxes.end() + 1
        self._words(text[start])
        return start + 1

    def _literal(self, literal: str) -> None:
        if literal == _OPEN:
            self._open_phrase = ""
        elif literal == _CLOSE:
            self._last_phrase = (self._open_phrase or "").strip()
            self._open_phrase = None
        else:
            self._pieces.append(PhraseMask(self._phrase()))

    def _phrase(self) -> str:
        return self._last_phrase if self._open_phrase is None else self._open_phrase.strip()

    def _words(self, text: str) -> None:
        if not text:
            return
        if self._open_phrase is not None:
            self._open_phrase = (self._open_phrase + text)[:MAX_PHRASE]
        elif text.strip():
            self._last_phrase = ""
        if self._pieces and isinstance(last := self._pieces[-1], Words):
            self._pieces[-1] = Words(last.text + text)
        else:
            self._pieces.append(Words(text))

    def _boxes(self, text: str) -> bool:
        """Whether there was at least one box in `text`."""
        boxes = tuple(box for group in text.split(";") if (box := _box(group)))
        if boxes:
            self._pieces.append(PhraseBoxes(self._phrase(), boxes))
        return bool(boxes)


def _box(group: str) -> UnitBox | None:
    numbers = [number.strip() for number in group.split(",")]
    if len(numbers) != 4 or not all(_NUMBER.fullmatch(number) for number in numbers):
        return None
    x0, y0, x1, y1 = map(float, numbers)
    return (x0, y0, x1, y1)
