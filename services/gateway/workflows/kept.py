"""Checking, keeping and listing workflows."""

from __future__ import annotations

import json
from dataclasses import dataclass

from protos.earthgptx.v1.workflows_pb2 import KeptWorkflow, WrittenWorkflow
from services.gateway.tenant_admission import TenantAdmission
from services.gateway.workflows.definitions import compile_written, refused
from services.gateway.workflows.paging import page_size
from shared.errors import InvalidInput
from shared.worker_pool import WorkerPool
from shared.workflow_catalogue import Stored, StoredDefinition, WorkflowCatalogue
from workflow_language import (
    Definition,
    Plan,
    WorkflowInvalid,
    canonical_json,
    compile_document,
    digest,
)
from workflow_language.plain_values import document_of

COMPILE_THREADS = 1


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """A workflow that may be run; `stored` is None for one that is not kept."""

    plan: Plan
    stored: Stored | None = None

    @property
    def definition(self) -> Definition:
        """What the plan was made from."""
        return self.plan.definition


class KeptWorkflows:
    """The workflows of all tenants."""

    def __init__(self, catalogue: WorkflowCatalogue, admission: TenantAdmission) -> None:
        """Takes where they are kept, and how many a tenant may have checked at once."""
        self._catalogue = catalogue
        self._admission = admission
        # Text of 200 steps takes 70 ms, which other calls shall not wait for.
        self._compiling = WorkerPool("compile", COMPILE_THREADS)

    async def check(self, written: WrittenWorkflow, tenant: str) -> Plan:
        """The plan of a workflow that came with a request.

        Raises:
            WorkflowInvalid: It could not run.
            InvalidInput: There is none, or it is too large.
            QuotaExceeded: The tenant has as many checked as it may.
        """
        with self._admission.enter(tenant):
            return await self._compiling.run(compile_written, written, "workflow")

    async def written(self, written: WrittenWorkflow, tenant: str) -> KeptPlan:
        """The same for those who mean it: a fault is a refusal.

        Raises:
            InvalidInput: It could not run, there is none, or it is too large.
            QuotaExceeded: The tenant has as many checked as it may.
        """
        try:
            return KeptPlan(await self.check(written, tenant))
        except WorkflowInvalid as error:
            raise refused(error, "workflow") from None

    async def keep(self, written: WrittenWorkflow, tenant: str) -> tuple[Stored, bool]:
        """Keeps a workflow; says which version it is and whether it is a new one.

        Raises:
            InvalidInput: As `written`.
            QuotaExceeded: The tenant keeps too many.
            StageUnavailable: The state store cannot be reached.
        """
        definition = (await self.written(written, tenant)).definition
        return await self._catalogue.keep(
            tenant=tenant,
            name=definition.name,
            digest=digest(definition),
            definition=canonical_json(definition),
            description=definition.description,
        )

    async def find(self, kept: KeptWorkflow, tenant: str) -> tuple[StoredDefinition, list[Stored]]:
        """One version of a workflow, and all that there are.

        Raises:
            InvalidInput: No name, or a version below 0.
            NotFound: The tenant has none such.
            StageUnavailable: The state store cannot be reached.
        """
        _check_kept(kept)
        found = await self._catalogue.find(kept.name, kept.version, tenant=tenant)
        return found, await self._catalogue.versions(kept.name, tenant=tenant)

    async def plan(self, kept: KeptWorkflow, tenant: str) -> KeptPlan:
        """The plan of a kept workflow.

        Raises:
            InvalidInput, NotFound, StageUnavailable: As `find`; and one that this release could
                not run is refused as it would be on the way in.
        """
        _check_kept(kept)
        found = await self._catalogue.find(kept.name, kept.version, tenant=tenant)
        return KeptPlan(await self.again(found.definition, tenant), found.stored)

    async def again(self, definition_json: str, tenant: str) -> Plan:
        """The plan of a definition that was valid when it was stored.

        Raises:
            InvalidInput: This release could not run it any more.
            QuotaExceeded: The tenant has as many checked as it may.
        """
        document = document_of(json.loads(definition_json))
        try:
            with self._admission.enter(tenant):
                return await self._compiling.run(compile_document, document)
        except WorkflowInvalid as error:
            raise refused(error, "workflow") from None

    async def page(self, size: int, token: str, tenant: str) -> tuple[list[Stored], str]:
        """Up to `size` workflows after the one that `token` names, and the token of the next page.

        Raises:
            InvalidInput: Not a size of a page.
            StageUnavailable: The state store cannot be reached.
        """
        size = page_size(size)
        found = await self._catalogue.page(token, size + 1, tenant=tenant)
        return found[:size], found[size - 1].name if len(found) > size else ""

    async def delete(self, name: str, tenant: str) -> None:
        """Forgets a workflow; one that is not there is no error.

        Raises:
            StageUnavailable: The state store cannot be reached.
        """
        await self._catalogue.delete(name, tenant=tenant)

    async def close(self) -> None:
        """Ends the threads."""
        await self._compiling.close()


def _check_kept(kept: KeptWorkflow) -> None:
    if not kept.name:
        raise InvalidInput("there is no name", field="workflow.name", limit="1 to 63 characters")
    if kept.version < 0:
        raise InvalidInput(
            f"version is {kept.version}", field="workflow.version", limit="0 (the newest) or more"
        )
