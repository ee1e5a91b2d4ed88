"""Plans by the digest of their definition: each is compiled once in a process."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from shared.errors import InvalidInput
from shared.single_flight import SingleFlight
from workflow_language.compiler.compile import compile_text
from workflow_language.compiler.plan import Plan
from workflow_language.diagnostics import WorkflowInvalid

KEPT = 64


class PlanCache:
    """Keeps the plans used last."""

    def __init__(self, definition_of: Callable[[str], Awaitable[str]], kept: int = KEPT) -> None:
        """Takes what gives the definition of a digest, checked when its run was accepted."""
        self._definition_of = definition_of
        self._kept = kept
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._compiling: SingleFlight[Plan] = SingleFlight()

    async def plan(self, digest: str) -> Plan:
        """The plan of that digest.

        Raises:
            NotFound: No run has such a definition any more.
            InvalidInput: This release cannot run it, other than the one that took it.
        """
        plan = self._plans.get(digest)
        if plan is None:
            plan = await self._compiling.run(digest, lambda: self._compiled(digest))
        self._plans[digest] = plan
        self._plans.move_to_end(digest)
        while len(self._plans) > self._kept:
            self._plans.popitem(last=False)
        return plan

    async def _compiled(self, digest: str) -> Plan:
        definition = await self._definition_of(digest)
        try:
            # A large one takes a while, in which others go on.
            return await asyncio.to_thread(compile_text, definition)
        except WorkflowInvalid as error:
            raise InvalidInput(f"the workflow: {error.diagnostics[0]}", field="workflow") from None
