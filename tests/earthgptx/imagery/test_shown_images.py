"""A scene is decoded once for all that look at it, within a budget."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from earthgptx.imagery.display import Display
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.shown_images import ShownImages

KIB = 1024


class Decoder:
    """Decodes squares; remembers how often."""

    def __init__(self, side_px: int = 32) -> None:
        self.calls: list[str] = []
        self._side_px = side_px
        self._mutex = threading.Lock()

    def of(self, name: str) -> Display:
        with self._mutex:
            self.calls.append(name)
        time.sleep(0.01)
        return Display(np.zeros((self._side_px, self._side_px, 1), np.uint8), name)


def test_many_threads_that_want_one_image_decode_it_once() -> None:
    shown, decoder = ShownImages(64 * KIB), Decoder()
    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(lambda _: shown.show("a", lambda: decoder.of("a")), range(32)))
    assert decoder.calls == ["a"]
    assert all(each is got[0] for each in got)


def test_the_image_used_longest_ago_makes_room() -> None:
    shown, decoder = ShownImages(2 * KIB), Decoder()
    for name in ("a", "b", "a", "c", "a", "b"):
        assert shown.show(name, lambda name=name: decoder.of(name)).band_note == name
    assert decoder.calls == ["a", "b", "c", "b"]


def test_an_image_larger_than_the_budget_is_shown_and_not_kept() -> None:
    shown, decoder = ShownImages(KIB - 1), Decoder()
    for _ in range(2):
        shown.show("a", lambda: decoder.of("a"))
    assert decoder.calls == ["a", "a"]


def test_a_broken_image_is_tried_again() -> None:
    shown, decoder = ShownImages(64 * KIB), Decoder()

    def broken() -> Display:
        raise ImageryError("image", "broken")

    with pytest.raises(ImageryError):
        shown.show("a", broken)
    assert shown.show("a", lambda: decoder.of("a")).band_note == "a"
