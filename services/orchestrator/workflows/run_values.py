"""The values a unit needs: inputs of its run and outputs of the steps before it.

Each is read and decoded once in a process, however many items look at it: outputs have a version,
and what has one never changes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping

from services.orchestrator.task_work.resolve import ValuesOfRun
from services.orchestrator.workflows import large_json
from shared.single_flight import SingleFlight
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.views import UnitClaim
from workflow_language.compiler.plan import Plan
from workflow_language.value_types import ValueType
from workflow_language.values import Value

# As JSON; in memory they take several times that.
KEPT_BYTES = 32 * 1024 * 1024
Values = Mapping[str, Value]
_Key = tuple[str, str, int]


class RunValues:
    """Keeps the values used last."""

    def __init__(self, runs: WorkflowRuns, kept_bytes: int = KEPT_BYTES) -> None:
        """Reads from `runs`."""
        self._runs = runs
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[_Key, tuple[Values, int]] = OrderedDict()
        self._size_bytes = 0
        self._reading: SingleFlight[Values] = SingleFlight()

    async def of(self, claim: UnitClaim, plan: Plan) -> ValuesOfRun:
        """What the unit may look at; images written out in the steps are not among it.

        Raises:
            OutputsGone: Steps before it must run again.
            NotFound: The inputs have expired.
        """
        given = {name: declared.type for name, declared in plan.definition.inputs.items()}
        inputs = await self._read((claim.run_id, "", 0), given, self._inputs)
        kinds = {step.id: step.outputs for step in plan.steps}
        outputs: dict[str, Values | None] = {}
        for step, produced in claim.produced.items():
            key = (claim.run_id, step, produced.version)
            outputs[step] = (
                None if produced.skipped else await self._read(key, kinds[step], self._outputs)
            )
        return ValuesOfRun(inputs, outputs)

    def remember(self, claim: UnitClaim, outputs: Values, size_bytes: int) -> None:
        """Keeps what a step gives for those after it; `size_bytes` as JSON."""
        self._keep((claim.run_id, claim.step, claim.fence), outputs, size_bytes)

    async def _read(
        self,
        key: _Key,
        kinds: Mapping[str, ValueType],
        read: Callable[[str, str], Awaitable[str]],
    ) -> Values:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]

        async def decoded() -> Values:
            text = await read(key[0], key[1])
            values = await large_json.read(text, kinds)
            self._keep(key, values, len(text))
            return values

        return await self._reading.run(key, decoded)

    def _keep(self, key: _Key, values: Values, size_bytes: int) -> None:
        self._kept[key] = (values, size_bytes)
        self._size_bytes += size_bytes
        while self._size_bytes > self._kept_bytes:
            _, (_, dropped_bytes) = self._kept.popitem(last=False)
            self._size_bytes -= dropped_bytes

    async def _inputs(self, run_id: str, _: str) -> str:
        return await self._runs.inputs(run_id)

    async def _outputs(self, run_id: str, step: str) -> str:
        return (await self._runs.values(run_id, [step]))[step]
