from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from earthgptx.imagery.header import ImageLimits
from services.gateway.image_catalogue import ImageCatalogue
from services.gateway.large_uploads import LargeUploads
from services.gateway.unfinished_uploads import UnfinishedUploads, UploadLimits
from services.orchestrator.task_work.context import TaskContext, TaskParts
from services.orchestrator.task_work.registry import TASK_WORK
from services.orchestrator.task_work.scene_spool import SceneSpool
from shared.image_records import scene_of
from shared.settings import CallerSettings, read_settings
from shared.stage_clients import StageClients
from shared.tensors.directory_objects import DirectoryObjects
from shared.tensors.files import get_file
from shared.tensors.open_store import open_store
from shared.tensors.store import TensorStore
from tests.fakes import Stages, addresses, serve_fakes
from tests.services.conftest import Suite
from tests.services.orchestrator.conftest import SUITE_KEY
from workflow_language.tasks.registry import TASKS
from workflow_language.values import File, SceneView, Value


@dataclass
class Workplace:
    """Tasks of tenant alpha on real stores; the stages are those it was made with."""

    parts: TaskParts
    store: TensorStore

    async def scene(self, file: bytes, modality: str = "", tenant: str = "alpha") -> SceneView:
        """An uploaded picture as a value."""
        catalogue = ImageCatalogue(self.store, ImageLimits(), ttl_s=600)
        kept = await catalogue.keep(file, tenant=tenant)
        await catalogue.close()
        return replace(scene_of(kept), modality=modality)

    async def run(self, task: str, **arguments: Any) -> Mapping[str, Value]:
        """What a task gives; arguments left out have their defaults."""
        defaults = {
            each.name: each.default for each in TASKS[task].parameters if each.default is not None
        }
        context = TaskContext("alpha", "run", "step#3", self.parts)
        return await TASK_WORK[task](context, defaults | arguments)

    def read(self, file: Value) -> bytes:
        """The content of a file."""
        assert isinstance(file, File)
        data = get_file(self.store, file.key, tenant="alpha")
        assert len(data) == file.size_bytes
        return data


@pytest.fixture
async def workplace(tmp_path: Path, stages: Stages, state_url: str) -> AsyncIterator[Workplace]:
    """With fake stages, which know a picture of 96 x 64 px."""
    server, port = await serve_fakes(stages)
    settings = read_settings(
        CallerSettings,
        addresses(port)
        | {
            "EARTHGPTX_SUITE_KEY": SUITE_KEY,
            "EARTHGPTX_TENSOR_REDIS_URL": state_url,
            "EARTHGPTX_TENSOR_TIERS": "inline,object_store",
            "EARTHGPTX_OBJECT_STORE_URL": f"file://{tmp_path}/objects",
        },
    )
    clients = StageClients(settings, TracerProvider().get_tracer("test"))
    store = open_store(settings)
    spool = SceneSpool(tmp_path / "scenes", 2**30)
    parts = TaskParts.open(store, clients, spool, file_ttl_s=600)
    yield Workplace(parts, store)
    await parts.close()
    store.close()
    await clients.close()
    await server.stop(None)


@pytest.fixture
async def real_workplace(
    suite: Suite, clients: StageClients, tmp_path: Path
) -> AsyncIterator[Workplace]:
    """With the four real stages."""
    spool = SceneSpool(tmp_path / "scenes", 2**30)
    parts = TaskParts.open(suite.store, clients, spool, file_ttl_s=600)
    yield Workplace(parts, suite.store)
    await parts.close()


@pytest.fixture
async def uploads(workplace: Workplace, tmp_path: Path) -> AsyncIterator[LargeUploads]:
    """As the gateway takes large scenes in."""
    uploads = uploads_to(workplace, tmp_path / "objects", tmp_path)
    yield uploads
    await uploads.close()


def uploads_to(workplace: Workplace, objects: Path, folder: Path) -> LargeUploads:
    unfinished = UnfinishedUploads(DirectoryObjects(objects), UploadLimits())
    return LargeUploads(workplace.store, unfinished, folder / "gateway", 600)


async def uploaded(uploads: LargeUploads, path: Path, tenant: str = "alpha") -> SceneView:
    unfinished = uploads._uploads
    upload = unfinished.begin(tenant, path.stat().st_size, "", "")
    unfinished.write_part(upload, 1, memoryview(path.read_bytes()))
    return scene_of(await uploads.complete(upload.upload_id, tenant))
