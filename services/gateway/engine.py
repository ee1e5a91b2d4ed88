"""The work of the gateway: a tenant's images, and questions about them."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace

from opentelemetry.metrics import Meter

from earthgptx.imagery.header import ImageLimits
from protos.earthgptx.v1.images_pb2 import UploadImageRequest, UploadPartRequest
from protos.earthgptx.v1.interpreter_pb2 import InterpretRequest, InterpretResponse
from services.gateway.durable import DurableRuns, Run
from services.gateway.image_catalogue import ImageCatalogue
from services.gateway.interactive import answer_now
from services.gateway.large_uploads import LargeUploads
from services.gateway.rendering import accepted, render
from services.gateway.request_checks import check_request, check_seen_whole, make_plan
from services.gateway.settings import GatewaySettings
from services.gateway.tenant_admission import TenantAdmission
from services.gateway.unfinished_uploads import UnfinishedUploads
from services.gateway.uploads import HeldBytes, UploadMemory, receive_file
from services.gateway.workflows.engine import WorkflowParts
from shared import rpc_context
from shared.errors import DeadlineExceeded
from shared.image_records import KeptImage
from shared.interpretation.events import Ended, Event, ImageSeen
from shared.interpretation.plan import Plan
from shared.messages.celery_app import make_celery_app
from shared.run_records.records import RunLimits, RunRecords
from shared.run_records.state_redis import open_state_redis
from shared.settings import PREFIX, SettingsError
from shared.stage_clients import StageClients
from shared.telemetry import Telemetry
from shared.tensors.open_store import open_parts, store_on
from shared.worker_pool import WorkerPool

# A mask of a large image takes 100 MB while its outline is made; and rasterio, which traces it,
# silences a warning in a way that two threads at once undo for each other.
OUTLINE_THREADS = 1


class Gateway:
    """Parts of one gateway process. A tenant is whoever holds one of its API keys.

    Attributes:
        workflows: The parts that serve workflows; the rest is for single questions.
        large_uploads: Scenes that come by parts.
    """

    def __init__(
        self,
        images: ImageCatalogue,
        stages: StageClients,
        durable: DurableRuns,
        workflows: WorkflowParts,
        large_uploads: LargeUploads,
        closing: AsyncExitStack,
        settings: GatewaySettings,
        meter: Meter,
    ) -> None:
        """Takes the parts, and `closing`, which ends what they stand on; `open` makes them."""
        self.workflows = workflows
        self.large_uploads = large_uploads
        self._settings = settings
        self._images = images
        self._stages = stages
        self._durable = durable
        self._closing = closing
        self._outlines = WorkerPool("outlines", OUTLINE_THREADS)
        self._memory = UploadMemory(settings.upload_memory_limit_bytes)
        self._uploads = TenantAdmission("uploads", settings.max_uploads_per_tenant, meter)
        self._interpretations = TenantAdmission(
            "interpretations", settings.max_in_flight_per_tenant, meter
        )
        self._ended = meter.create_counter(
            "earthgptx_gateway_interpretations_ended", description="By executor and terminal state"
        )

    @classmethod
    def open(cls, settings: GatewaySettings, telemetry: Telemetry) -> Gateway:
        """Opens the parts, inside the event loop."""
        opened = open_parts(settings)
        store = store_on(opened, settings)
        redis = open_state_redis(settings.state_redis_url)
        app = make_celery_app(settings)
        closing = AsyncExitStack()
        closing.callback(store.close)
        closing.callback(app.close)
        closing.push_async_callback(redis.aclose)
        images = ImageCatalogue(store, ImageLimits(), settings.image_ttl_s)
        if opened.objects is None:
            raise SettingsError(f"{PREFIX}TENSOR_TIERS: the gateway needs object_store")
        unfinished = UnfinishedUploads(opened.objects, settings.upload_limits())
        large_uploads = LargeUploads(
            store, unfinished, settings.upload_folder, settings.image_ttl_s
        )
        workflows = WorkflowParts.open(
            settings,
            telemetry.meter,
            redis=redis,
            app=app,
            store=store,
            objects=opened.objects,
            images=images,
        )
        records = RunRecords(redis, RunLimits(retention_s=settings.retention_s))
        durable = DurableRuns(redis, records, app, settings)
        stages = StageClients(settings, telemetry.tracer)
        return cls(
            images, stages, durable, workflows, large_uploads, closing, settings, telemetry.meter
        )

    async def upload(self, requests: AsyncIterator[UploadImageRequest], tenant: str) -> KeptImage:
        """Keeps the file that comes in chunks.

        Raises:
            InvalidInput: It cannot be used, or the chunks are not as agreed.
            QuotaExceeded, QueueFull: Too many uploads at once.
        """
        async with self._room_for_upload(tenant) as held:
            data = await receive_file(requests, held, self._images.limits)
            return await self._images.keep(data, tenant=tenant)

    async def upload_part(self, requests: AsyncIterator[UploadPartRequest], tenant: str) -> None:
        """Keeps a part of a large scene that comes in chunks.

        Raises:
            InvalidInput: Messages out of order, no such part, or not of its size.
            NotFound: The tenant has no such upload.
            QuotaExceeded, QueueFull: Too many uploads at once.
        """
        async with self._room_for_upload(tenant) as held:
            await self.large_uploads.take_part(requests, held, tenant)

    @asynccontextmanager
    async def _room_for_upload(self, tenant: str) -> AsyncIterator[HeldBytes]:
        """Room for the bytes of one call, which is over in time.

        Raises:
            QuotaExceeded: Too many uploads of the tenant at once.
            DeadlineExceeded: The block took too long.
        """
        remaining_s = rpc_context.remaining_s()
        timeout_s = self._settings.default_timeout_s if remaining_s is None else remaining_s
        with self._uploads.enter(tenant), self._memory.hold() as held:
            try:
                async with asyncio.timeout(timeout_s):
                    yield held
            except TimeoutError:
                raise DeadlineExceeded("the upload took too long") from None

    async def image(self, image_id: str, tenant: str) -> KeptImage:
        """The tenant's image of that id.

        Raises:
            NotFound: There is none.
        """
        return await self._images.find(image_id, tenant=tenant)

    async def delete_image(self, image_id: str, tenant: str) -> None:
        """Deletes it; one that is not there is no error."""
        await self._images.delete(image_id, tenant=tenant)

    async def interpret(
        self, request: InterpretRequest, tenant: str
    ) -> AsyncGenerator[InterpretResponse, None]:
        """The answer, message by message: first Accepted, last the one Finished.

        Raises:
            SuiteError: The request was not accepted; nothing was told.
        """
        if rpc_context.remaining_s() is None:
            rpc_context.set_call(time.monotonic() + self._settings.default_timeout_s, tenant)
        check_request(request, self._settings.max_new_tokens_limit)
        with self._interpretations.enter(tenant):
            image = await self._images.find(request.image_id, tenant=tenant)
            check_seen_whole(image)
            plan = make_plan(request, image, tenant)
            begun = False
            if request.durable:
                run = await self._start(request, plan)
                plan, events = replace(plan, run_id=run.run_id), self._durable.follow(run)
                # The run is recorded: the caller hears of it at once if there is no more to say.
                if begun := image.record.shown_as_is:
                    yield accepted(plan, "")
            else:
                events = answer_now(self._stages, plan)
            async with aclosing(events):
                async for event in events:
                    if not begun and not isinstance(event, ImageSeen):
                        yield accepted(plan, "")
                    if not (begun and isinstance(event, ImageSeen)):
                        yield await render(event, plan, image.record, self._outlines)
                    begun = True
                    self._count(event, request.durable)

    async def _start(self, request: InterpretRequest, plan: Plan) -> Run:
        asked = InterpretRequest()
        asked.CopyFrom(request)
        asked.ClearField("idempotency_key")
        digest = hashlib.sha256(asked.SerializeToString(deterministic=True)).hexdigest()
        return await self._durable.start(
            plan, idempotency_key=request.idempotency_key, digest=digest
        )

    def _count(self, event: Event, durable: bool) -> None:
        if isinstance(event, Ended):
            executor = "durable" if durable else "interactive"
            self._ended.add(1, {"executor": executor, "state": event.state})

    async def probe(self) -> None:
        """Whether requests could be taken: images can be found.

        Raises:
            StageUnavailable: They cannot.
        """
        await self._images.probe()

    async def close(self) -> None:
        """Ends what is held; durable runs go on."""
        await self._images.close()
        await self.large_uploads.close()
        await self._outlines.close()
        await self._stages.close()
        await self.workflows.close()
        await self._closing.aclose()
