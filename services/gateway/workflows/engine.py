"""The parts that serve workflows and their runs, together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from celery import Celery
from opentelemetry.metrics import Meter
from redis.asyncio import Redis

from services.gateway.image_catalogue import ImageCatalogue
from services.gateway.settings import GatewaySettings
from services.gateway.tenant_admission import TenantAdmission
from services.gateway.workflows.kept import KeptWorkflows
from services.gateway.workflows.outputs import RunOutputs
from services.gateway.workflows.runs import TenantRuns
from shared.tensors.objects import Objects
from shared.tensors.store import TensorStore
from shared.workflow_catalogue import WorkflowCatalogue
from shared.workflow_runs.large_values import LargeValues
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.views import RunLimits


@dataclass(frozen=True, slots=True)
class WorkflowParts:
    """What the gRPC service stands on.

    Attributes:
        kept: The workflows of all tenants.
        runs: Their runs.
        outputs: What they gave, files too.
        images: What runs look at.
        starts: How many runs a tenant may be starting at once: their images are looked up.
        large: Values of runs that are too large for the state Redis.
    """

    kept: KeptWorkflows
    runs: TenantRuns
    outputs: RunOutputs
    images: ImageCatalogue
    starts: TenantAdmission
    large: LargeValues | None

    @classmethod
    def open(
        cls,
        settings: GatewaySettings,
        meter: Meter,
        *,
        redis: Redis,
        app: Celery,
        store: TensorStore,
        objects: Objects | None,
        images: ImageCatalogue,
    ) -> Self:
        """Puts them together; what is handed in is closed by whoever opened it."""
        checks = TenantAdmission("workflow_checks", settings.max_in_flight_per_tenant, meter)
        watches = TenantAdmission("watches", settings.max_watches_per_tenant, meter)
        reads = TenantAdmission("run_outputs", settings.max_run_outputs_per_tenant, meter)
        starts = TenantAdmission("run_starts", settings.max_in_flight_per_tenant, meter)
        large = LargeValues(objects) if objects is not None else None
        catalogue = WorkflowCatalogue(redis, settings.max_workflow_versions_per_tenant)
        kept = KeptWorkflows(catalogue, checks)
        records = WorkflowRuns(redis, RunLimits(retention_s=settings.retention_s), large)
        runs = TenantRuns(records, kept, app, watches, settings)
        return cls(kept, runs, RunOutputs(store, reads), images, starts, large)

    async def close(self) -> None:
        """Ends threads; runs go on."""
        await self.kept.close()
        await self.outputs.close()
        if self.large is not None:
            await self.large.close()
