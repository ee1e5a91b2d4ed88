"""What a task works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.header import ImageHeader
from services.orchestrator.task_work.arguments import Arguments
from services.orchestrator.task_work.file_store import FileStore
from services.orchestrator.task_work.image_access import ImageAccess
from services.orchestrator.task_work.scene_reader import PixelsHWC
from services.orchestrator.task_work.scene_spool import SceneSpool
from shared.errors import refused_as_invalid_input
from shared.image_records import KeptImage
from shared.stage_clients import StageClients
from shared.tensors.store import TensorStore
from shared.worker_pool import WorkerPool
from workflow_language.values import File, SceneView, Value

ArgsT = ParamSpec("ArgsT")
ResultT = TypeVar("ResultT")
# Outlines are traced by rasterio, which silences a warning in a way that two threads at once undo
# for each other.
DRAW_THREADS = 1


@dataclass(frozen=True)
class TaskParts:
    """Parts of one process that all its tasks share.

    Attributes:
        stages: the model.
        images: what was uploaded.
        files: what is written for people.
        drawing: threads for work on pixels and outlines.
    """

    stages: StageClients
    images: ImageAccess
    files: FileStore
    drawing: WorkerPool

    @classmethod
    def open(
        cls, store: TensorStore, stages: StageClients, spool: SceneSpool, file_ttl_s: float
    ) -> TaskParts:
        """Opens the parts; store and stages stay the caller's to close."""
        return cls(
            stages,
            ImageAccess(store, spool),
            FileStore(store, file_ttl_s),
            WorkerPool("drawing", DRAW_THREADS),
        )

    async def close(self) -> None:
        """Ends all threads."""
        await self.drawing.close()
        await self.images.close()
        await self.files.close()


@dataclass(frozen=True)
class TaskContext:
    """One run of one task.

    Attributes:
        tenant: for whom.
        run_id: of the run.
        unit: the step, "ships", or an item of it, "seen#17"; files are named after it.
        parts: what it works with.
    """

    tenant: str
    run_id: str
    unit: str
    parts: TaskParts

    async def image(self, image_id: str) -> KeptImage:
        """The tenant's image.

        Raises:
            NotFound: There is none.
        """
        return await self.parts.images.find(image_id, tenant=self.tenant)

    async def headers(self, image_ids: set[str]) -> dict[str, ImageHeader]:
        """What is known of the images, by id; "" is no image, and left out.

        Raises:
            NotFound: One is no longer there.
        """
        return {
            image_id: ImageHeader(**(await self.image(image_id)).record.header_fields())
            for image_id in sorted(image_ids - {""})
        }

    async def pixels(self, view: SceneView, longest_px: int) -> PixelsHWC:
        """A picture of a view (`ImageAccess.pixels`)."""
        return await self.parts.images.pixels(view, longest_px, tenant=self.tenant)

    async def draw(
        self, work: Callable[ArgsT, ResultT], *args: ArgsT.args, **kwargs: ArgsT.kwargs
    ) -> ResultT:
        """Work on pixels and outlines, off the event loop.

        Raises:
            InvalidInput: Imagery refused what it was given.
        """
        with refused_as_invalid_input(ImageryError):
            return await self.parts.drawing.run(work, *args, **kwargs)

    def field(self, parameter: str) -> str:
        """Where a parameter of its step stands in the definition."""
        return f"steps.{self.step}.with.{parameter}"

    @property
    def step(self) -> str:
        """The id of its step."""
        return self.unit.partition("#")[0]

    @property
    def file_stem(self) -> str:
        """What its files' names begin with: the step, and the item."""
        return self.unit.replace("#", "-")

    async def write(
        self, ending: str, media_type: str, data: bytes, beside: tuple[File, ...] = ()
    ) -> File:
        """Keeps a file, named after the unit."""
        return await self.parts.files.write(
            self.file_stem + ending, media_type, data, tenant=self.tenant, beside=beside
        )


TaskWork = Callable[[TaskContext, Arguments], Awaitable[Mapping[str, Value]]]
