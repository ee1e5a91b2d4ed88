"""From the text of a condition to its tree, by recursive descent with a limited depth."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workflow_language.expressions.syntax import (
    Comparison,
    Constant,
    Expression,
    Field,
    Joined,
    Literal,
    Not,
)
from workflow_language.references import NAME, REFERENCE, reference_of

LIMIT_CHARACTERS = 1000
LIMIT_DEPTH = 20
OPERATORS = ("==", "!=", "<=", ">=", "<", ">", "in", "contains")
_TOKEN = re.compile(
    rf"""\s*(?:
        (?P<number>-?\d{{1,15}}(?:\.\d{{1,15}})?)(?![\w.])
      | (?P<text>'[^']*'|"[^"]*")
      | (?P<reference>{REFERENCE.pattern})(?![\w.])
      | (?P<word>{NAME})\b
      | (?P<sign>==|!=|<=|>=|[<>()\[\],])
    )""",
    re.VERBOSE,
)
_KEYWORDS = frozenset({"and", "or", "not", "in", "contains", "true", "false"})


class BadCondition(ValueError):
    """The text is no condition; the message says where and why."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse_condition(text: str) -> Expression:
    """The tree of a condition.

    Raises:
        BadCondition: it is none, or too long, or nested too deep.
    """
    if len(text) > LIMIT_CHARACTERS:
        raise BadCondition(f"has {len(text):,} characters, more than {LIMIT_CHARACTERS:,}")
    parser = _Parser(_tokens(text))
    expression = parser.either(0)
    parser.end()
    return expression


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise BadCondition(f"cannot be read from character {start + 1}: {text[start:][:20]!r}")
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return [*tokens, _Token("end", "", len(text))]


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def either(self, depth: int) -> Expression:
        if depth > LIMIT_DEPTH:
            raise BadCondition(f"is nested deeper than {LIMIT_DEPTH} levels")
        parts = [self._both(depth)]
        while self._taken("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Joined("or", tuple(parts))

    def end(self) -> None:
        """Refuses what is left over."""
        if self._now.kind != "end":
            raise self._unexpected("and, or, or the end")

    def _both(self, depth: int) -> Expression:
        parts = [self._negated(depth)]
        while self._taken("and"):
            parts.append(self._negated(depth))
        return parts[0] if len(parts) == 1 else Joined("and", tuple(parts))

    def _negated(self, depth: int) -> Expression:
        if depth > LIMIT_DEPTH:
            raise BadCondition(f"is nested deeper than {LIMIT_DEPTH} levels")
        if self._taken("not"):
            return Not(self._negated(depth + 1))
        left = self._operand(depth)
        if self._now.text in OPERATORS and self._now.kind in ("sign", "word"):
            operator = self._take().text
            return Comparison(operator, left, self._operand(depth))
        return left

    def _operand(self, depth: int) -> Expression:
        if self._taken("("):
            inner = self.either(depth + 1)
            self._need(")")
            return inner
        if self._taken("["):
            return Literal(self._list())
        if self._now.kind == "reference":
            return reference_of(self._take().text.removeprefix("$"))
        if self._now.kind == "word" and self._now.text not in _KEYWORDS:
            return Field(self._take().text)
        return Literal(self._constant())

    def _list(self) -> tuple[Constant, ...]:
        values: list[Constant] = []
        while not self._taken("]"):
            if values:
                self._need(",")
            values.append(self._constant())
        return tuple(values)

    def _constant(self) -> Constant:
        token = self._now
        if token.kind == "number":
            self._take()
            return float(token.text) if "." in token.text else int(token.text)
        if token.kind == "text":
            self._take()
            return token.text[1:-1]
        if token.kind == "word" and token.text in ("true", "false"):
            self._take()
            return token.text == "true"
        raise self._unexpected("a value")

    @property
    def _now(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._now
        self._next += 1
        return token

    def _taken(self, text: str) -> bool:
        if self._now.text == text and self._now.kind in ("sign", "word"):
            self._next += 1
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._taken(text):
            raise self._unexpected(text)

    def _unexpected(self, wanted: str) -> BadCondition:
        token = self._now
        found = repr(token.text) if token.text else "the end"
        return BadCondition(f"has {found} at character {token.at + 1}, where {wanted} should be")
