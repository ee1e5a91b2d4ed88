"""Who asks for runs of a workflow and looks at what became of them."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.errors import StageUnavailable
from shared.image_records import ImageRecord
from shared.messages.celery_app import make_celery_app, send_units
from shared.messages.json_codec import to_json
from shared.run_records.state_redis import open_state_redis
from shared.settings import ProcessSettings, Secret
from shared.tensors.open_store import open_parts, store_on
from shared.workflow_runs.events import NumberedEvent
from shared.workflow_runs.graph import graph_of
from shared.workflow_runs.large_values import LargeValues
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.views import RunLimits
from tests.services.orchestrator.suite_processes import SUITE_KEY, Orchestrators
from tests.services.pictures import png
from tests.shared.workflow_runs.history import check_history
from workflow_language import Plan, canonical_json
from workflow_language.document import Json
from workflow_language.value_json import value_to_json
from workflow_language.values import SceneView


def objects_in(folder: Path) -> dict[str, str]:
    """Settings of processes whose objects lie in the folder."""
    return {
        "EARTHGPTX_TENSOR_TIERS": "inline,object_store",
        "EARTHGPTX_OBJECT_STORE_URL": f"file://{folder}/objects",
    }


class Caller:
    """Does what the gateway does for runs of one workflow."""

    def __init__(
        self, suite: Orchestrators, folder: Path, plan: Plan, inputs: Mapping[str, Json]
    ) -> None:
        settings = ProcessSettings(
            suite_key=Secret(SUITE_KEY),
            state_redis_url=suite.redis.url,
            tensor_redis_url=suite.environ["EARTHGPTX_TENSOR_REDIS_URL"],
            tensor_tiers=("inline", "object_store"),
            object_store_url=f"file://{folder}/objects",
        )
        self.redis = open_state_redis(suite.redis.url)
        self.app = make_celery_app(settings)
        opened = open_parts(settings)
        assert opened.objects is not None
        self.store = store_on(opened, settings)
        self.large = LargeValues(opened.objects)
        self.runs = WorkflowRuns(self.redis, RunLimits(resend_after_s=1.0), self.large)
        picture = png(96, 64)
        record = ImageRecord("PNG", 96, 64, 3, "uint8", len(picture), "", 0.0, (), True)
        description = json.loads(to_json(record))
        ref = self.store.put_image(picture, tenant="alpha", ttl_s=600, description=description)
        self._plan = plan
        self._inputs = {"scene": value_to_json(SceneView(ref.digest, 96, 64)), **inputs}

    async def start(self, copies: int = 1) -> str:
        run_id = uuid.uuid4().hex
        while True:
            try:
                created = await self.runs.create(
                    run_id,
                    "alpha",
                    canonical_json(self._plan.definition),
                    workflow_name=self._plan.definition.name,
                    version=0,
                    inputs_json=json.dumps(self._inputs),
                    graph=graph_of(self._plan),
                    idempotency_key=run_id,
                    digest="",
                    timeout_s=60.0,
                    max_running=999,
                    trace="",
                )
                break
            except StageUnavailable:
                await asyncio.sleep(0.2)
        for _ in range(copies):
            try:
                await asyncio.to_thread(send_units, self.app, created.ready)
            except StageUnavailable:
                break
        return created.run_id

    async def told(self, run_id: str, timeout_s: float = 60) -> list[NumberedEvent]:
        async with asyncio.timeout(timeout_s):
            return [each async for each in self.runs.follow(run_id)]

    async def outputs(self, run_id: str) -> Any:
        """What a run gave that must have ended well, with a history that a run may have."""
        told = await self.told(run_id)
        check_history(told, {step.id: step.after for step in self._plan.steps})
        view = await self.runs.read(run_id)
        assert view.state == "succeeded", view.fault
        return json.loads(view.outputs_json)

    async def until_step(self, run_id: str, step: str, *states: str) -> None:
        async with asyncio.timeout(20):
            while True:
                found = {each.step: each.state for each in await self.runs.steps(run_id)}
                if found[step] in states:
                    return
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        await self.redis.aclose()
        self.app.close()
        await self.large.close()
        self.store.close()
