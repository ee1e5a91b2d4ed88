"""Workflows through all of the suite but the model: gateway, broker, orchestrator, object store."""

from __future__ import annotations

import asyncio
import json

import pytest

from protos.earthgptx.v1 import workflows_pb2 as pb
from tests.fakes import Stages
from tests.services.gateway.conftest import GatewayServer
from tests.services.gateway.test_workflow_runs import fetch, kinds, watch
from tests.services.gateway.test_workflows import create, get_run, run, written
from tests.services.pictures import png
from tests.services.stage_processes import StageProcess

pytestmark = pytest.mark.timeout(60)
OUTLINES = """\
workflow: outlines
inputs: {scenes: {type: list of scene, at_most: 9}}
steps:
  - {id: seen, task: segment, for_each: $scenes, with: {image: $item, words: all ships}}
  - {id: map, task: export_geojson, with: {regions: $seen}}
  - {id: number, task: count, with: {regions: $seen}}
outputs: {map: $map, number: $number.number}
"""


async def test_a_kept_workflow_runs_to_its_end_and_its_files_are_fetched(
    gateway: GatewayServer, orchestrator: StageProcess, stages: Stages
) -> None:
    alpha = gateway.caller()
    images = [(await alpha.upload(png(seed=seed))).image_id for seed in range(3)]
    await create(alpha, OUTLINES)
    started = await run(alpha, {"scenes": images}, kept=pb.KeptWorkflow(name="outlines"))
    events = await watch(alpha, started.run_id, timeout_s=30)
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert kinds(events)[0] == "accepted" and kinds(events).count("unit_done") == 3
    assert events[-1].ended.state == pb.RUN_STATE_SUCCEEDED
    found = await get_run(alpha, started.run_id)
    assert [step.state for step in found.steps] == [pb.STEP_STATE_DONE] * 3
    assert found.outputs["number"].number_value == 3
    (file,) = found.files
    features = json.loads(await fetch(alpha, started.run_id, file.key))["features"]
    assert len(features) == 3 and file.name.endswith(".geojson")


async def test_a_cancel_reaches_the_stage_and_resuming_does_only_what_is_missing(
    gateway: GatewayServer, orchestrator: StageProcess, stages: Stages
) -> None:
    stages.gate = asyncio.Event()
    alpha = gateway.caller()
    image = await alpha.upload(png())
    started = await run(alpha, {"scenes": [image.image_id]}, written=written(OUTLINES))
    async with asyncio.timeout(20):
        while not stages.calls["Generate"]:
            await asyncio.sleep(0.01)
        request = pb.CancelRunRequest(run_id=started.run_id)
        await alpha.workflows.CancelRun(request, metadata=alpha.metadata)
        while not stages.cancelled["Generate"]:
            await asyncio.sleep(0.01)
    stages.gate.set()
    resume = pb.ResumeRunRequest(run_id=started.run_id)
    await alpha.workflows.ResumeRun(resume, metadata=alpha.metadata)
    told = kinds(await watch(alpha, started.run_id, timeout_s=30))
    assert told.count("ended") == 2 and told.count("expanded") == 1
    assert told.index("ended") < told.index("resumed") < told.index("unit_done")
    assert (await get_run(alpha, started.run_id)).run.state == pb.RUN_STATE_SUCCEEDED
