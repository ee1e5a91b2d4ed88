"""Plans by the digest of their definition: each is compiled once in a process."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from workflow_language.compiler.compile import compile_text
from workflow_language.compiler.plan import Plan

KEPT = 64


class PlanCache:
    """Keeps the plans used last."""

    def __init__(self, definition_of: Callable[[str], Awaitable[str]], kept: int = KEPT) -> None:
        """Takes what gives the definition of a digest, checked when its run was accepted."""
        self._definition_of = definition_of
        self._kept = kept
        self._plans: OrderedDict[str, Plan] = OrderedDict()

    async def plan(self, digest: str) -> Plan:
        """The plan of that digest.

        Raises:
            NotFound: No run has such a definition any more.
        """
        if digest not in self._plans:
            definition = await self._definition_of(digest)
            # A large one takes a while, in which others go on.
            self._plans[digest] = await asyncio.to_thread(compile_text, definition)
        self._plans.move_to_end(digest)
        plan = self._plans[digest]
        while len(self._plans) > self._kept:
            self._plans.popitem(last=False)
        return plan
