"""Text sent in pieces that are worth a message each."""

from __future__ import annotations


class GatheredText:
    """Text that waits until enough time has passed since some was sent; the first waits not."""

    def __init__(self, every_s: float | None) -> None:
        """Gathers text for `every_s`, or until the next word if that takes longer.

        None: until something else is to be sent, where nobody reads the words as they come.
        """
        self._every_s = every_s
        self._text = ""
        self._sent_s: float | None = None

    def add(self, text: str, now_s: float, at_once: bool) -> str:
        """What is to be sent now; "" for nothing."""
        self._text += text
        if not self._text or not (at_once or self._is_time(now_s)):
            return ""
        text, self._text, self._sent_s = self._text, "", now_s
        return text

    def _is_time(self, now_s: float) -> bool:
        if self._every_s is None:
            return False
        return self._sent_s is None or now_s - self._sent_s >= self._every_s
