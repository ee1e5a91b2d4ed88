"""Runs as callers see them; the records are real, the work is done by the test itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from redis.asyncio import Redis

from protos.earthgptx.v1 import workflows_pb2 as pb
from shared.errors import Conflict, DeadlineExceeded, InvalidInput, NotFound, QuotaExceeded
from shared.interpretation.events import Fault
from shared.settings import ProcessSettings, read_settings
from shared.tensors.directory_objects import DirectoryObjects
from shared.tensors.files import put_file
from shared.tensors.open_store import open_store
from shared.workflow_runs.large_values import LargeValues
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.summaries import summary_of
from shared.workflow_runs.views import UnitClaim
from tests.services.gateway.conftest import Caller, GatewayServer, StartGateway, refusal
from tests.services.gateway.test_workflows import SHIPS, get_run, run, written
from tests.services.pictures import png
from workflow_language.value_json import value_to_json
from workflow_language.values import File

MANY = """\
workflow: many
inputs: {scenes: {type: list of scene, at_most: 9}}
steps:
  - {id: seen, task: detect, for_each: $scenes, with: {image: $item, labels: [ship]}}
  - {id: sure, task: count, with: {regions: $seen}}
outputs: {number: $sure.number}
"""
BROKEN = Fault("INTERNAL", "it broke", retryable=False)


@pytest.fixture
def runs(redis: Redis) -> WorkflowRuns:
    """What a worker has."""
    return WorkflowRuns(redis)


@pytest.fixture
async def run_id(alpha: Caller, image_id: str) -> str:
    return str((await run(alpha, {"scene": image_id})).run_id)


async def commit(runs: WorkflowRuns, run_id: str, unit: str, outputs: dict[str, Any]) -> None:
    claim = await runs.claim(run_id, unit, "worker")
    assert isinstance(claim, UnitClaim)
    assert await runs.commit(claim, json.dumps(outputs), summary_of(outputs)) is not None


async def watch(caller: Caller, run_id: str, after: int = 0, timeout_s: float = 10) -> list[Any]:
    request = pb.WatchRunRequest(run_id=run_id, after_event=after)
    call = caller.workflows.WatchRun(request, metadata=caller.metadata, timeout=timeout_s)
    return [response.event async for response in call]


def kinds(events: list[Any]) -> list[str]:
    return [event.WhichOneof("event") for event in events]


async def list_runs(caller: Caller, **fields: Any) -> Any:
    request = pb.ListRunsRequest(**fields)
    return await caller.workflows.ListRuns(request, metadata=caller.metadata)


async def test_a_run_is_followed_to_its_end_and_from_any_event_on(
    alpha: Caller, runs: WorkflowRuns, run_id: str
) -> None:
    watching = asyncio.create_task(watch(alpha, run_id))
    await commit(runs, run_id, "seen", {"regions": []})
    await commit(runs, run_id, "sure", {"regions": []})
    await runs.finish(run_id, "succeeded", outputs=json.dumps({"ships": [], "number": 2.5}))
    events = await watching
    assert kinds(events) == ["accepted", "started", "done", "started", "done", "ended"]
    assert [event.number for event in events] == [1, 2, 3, 4, 5, 6]
    assert events[0].accepted.steps == 2 and events[0].at_ms
    assert dict(events[2].done.summary) == {"regions": "0 items"}
    assert events[-1].ended.state == pb.RUN_STATE_SUCCEEDED
    assert await watch(alpha, run_id, after=4) == events[4:]
    assert await watch(alpha, run_id, after=6) == []
    found = await get_run(alpha, run_id)
    assert [step.state for step in found.steps] == [pb.STEP_STATE_DONE] * 2
    assert MessageToDict(found)["outputs"] == {"ships": [], "number": 2.5}
    assert found.run.last_event == 6 and found.run.ended_at_ms >= found.run.created_at_ms


async def test_items_and_failed_attempts_are_told(
    alpha: Caller, image_id: str, runs: WorkflowRuns
) -> None:
    started = await run(alpha, {"scenes": [image_id, image_id]}, written=written(MANY))
    claim = await runs.claim(started.run_id, "seen", "worker")
    assert isinstance(claim, UnitClaim)
    assert await runs.expand(claim, [0, 1])
    item = await runs.claim(started.run_id, "seen#1", "worker")
    assert isinstance(item, UnitClaim)
    await runs.retry(item, BROKEN, retry_in_s=0, counted=True)
    await commit(runs, started.run_id, "seen#1", {"regions": []})
    found = await get_run(alpha, started.run_id)
    assert (found.steps[0].items, found.steps[0].items_done) == (2, 1)
    assert found.steps[0].failures == 1 and not found.steps[1].HasField("items")
    await runs.finish(started.run_id, "failed", fault=BROKEN)
    events = await watch(alpha, started.run_id)
    assert kinds(events) == ["accepted", "started", "expanded", "failed", "unit_done", "ended"]
    assert events[2].expanded.items == 2 and events[4].unit_done.item == 1
    failed = events[3].failed
    assert (failed.step, failed.item, failed.will_retry) == ("seen", 1, True)
    assert failed.failure.message == "it broke"
    assert events[-1].ended.failure.code == "INTERNAL"


async def test_who_watches_longer_than_it_has_time_comes_back(
    alpha: Caller, runs: WorkflowRuns, run_id: str
) -> None:
    error = await refusal(watch(alpha, run_id, timeout_s=0.3))
    assert isinstance(error, DeadlineExceeded)
    assert (await get_run(alpha, run_id)).run.state == pb.RUN_STATE_RUNNING


async def test_a_tenant_watches_so_many(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(max_watches_per_tenant="1")
    alpha = gateway.caller()
    image = await alpha.upload(png())
    run_id = (await run(alpha, {"scene": image.image_id})).run_id
    request = pb.WatchRunRequest(run_id=run_id)
    first = alpha.workflows.WatchRun(request, metadata=alpha.metadata)
    await first.read()
    assert isinstance(await refusal(watch(alpha, run_id)), QuotaExceeded)
    first.cancel()


async def test_a_cancelled_run_has_ended_and_is_taken_up_again(
    alpha: Caller, runs: WorkflowRuns, run_id: str
) -> None:
    workflows = alpha.workflows
    await commit(runs, run_id, "seen", {"regions": []})
    for _ in range(2):
        await workflows.CancelRun(pb.CancelRunRequest(run_id=run_id), metadata=alpha.metadata)
    found = await get_run(alpha, run_id)
    assert found.run.state == pb.RUN_STATE_CANCELLED
    assert found.run.failure.code == "CANCELLED"
    assert [s.state for s in found.steps] == [pb.STEP_STATE_DONE, pb.STEP_STATE_STOPPED]
    await workflows.ResumeRun(pb.ResumeRunRequest(run_id=run_id), metadata=alpha.metadata)
    await commit(runs, run_id, "sure", {"regions": []})
    await runs.finish(run_id, "succeeded", outputs="{}")
    told = kinds(await watch(alpha, run_id, after=3))
    assert told == ["ended", "resumed", "started", "done", "ended"]
    resume = workflows.ResumeRun(pb.ResumeRunRequest(run_id=run_id), metadata=alpha.metadata)
    assert isinstance(await refusal(resume), Conflict)


async def test_a_record_is_kept_as_long_as_the_settings_say(
    start_gateway: StartGateway, redis: Redis
) -> None:
    alpha = (await start_gateway(RETENTION_S="60")).caller()
    image = await alpha.upload(png())
    run_id = (await run(alpha, {"scene": image.image_id})).run_id
    await alpha.workflows.CancelRun(pb.CancelRunRequest(run_id=run_id), metadata=alpha.metadata)
    assert 0 < await redis.pttl(f"workflow:run:{run_id}") <= 60_000


async def test_a_tenant_reads_so_many_large_outputs_at_once(
    start_gateway: StartGateway, runs: WorkflowRuns, tmp_path: Path
) -> None:
    alpha = (await start_gateway(MAX_RUN_OUTPUTS_PER_TENANT="1")).caller()
    image = await alpha.upload(png())
    run_id = (await run(alpha, {"scene": image.image_id})).run_id
    large = LargeValues(DirectoryObjects(tmp_path / "objects"))
    kept = await large.keep(json.dumps({"words": "x" * 2**25}), run_id, 600)
    await large.close()
    await runs.finish(run_id, "succeeded", outputs=kept)
    request = pb.GetRunOutputRequest(run_id=run_id, output="words")
    first = alpha.workflows.GetRunOutput(request, metadata=alpha.metadata)
    assert await first.read()
    second = alpha.workflows.GetRunOutput(request, metadata=alpha.metadata)
    assert isinstance(await refusal(second.read()), QuotaExceeded)
    # How a run stands costs as much where it gave as much, and else needs no place.
    refused = await refusal(get_run(alpha, run_id))
    assert isinstance(refused, QuotaExceeded)
    assert refused.limit == "1 run_outputs at once" and refused.retry_after_s
    small = (await run(alpha, {"scene": image.image_id})).run_id
    await runs.finish(small, "succeeded", outputs=json.dumps({"words": "few"}))
    assert (await get_run(alpha, small)).outputs["words"].string_value == "few"
    while await first.read():
        pass
    assert list((await get_run(alpha, run_id)).large_outputs) == ["words"]


async def test_a_run_done_again_is_a_new_one_on_the_same_inputs(
    alpha: Caller, runs: WorkflowRuns, run_id: str
) -> None:
    request = pb.RerunRunRequest(run_id=run_id, idempotency_key="again")
    again = await alpha.workflows.RerunRun(request, metadata=alpha.metadata)
    assert again.run_id != run_id and not again.joined
    first, second = await runs.read(run_id), await runs.read(again.run_id)
    assert second.definition_digest == first.definition_digest
    assert await runs.inputs(again.run_id) == await runs.inputs(run_id)
    joined = await alpha.workflows.RerunRun(request, metadata=alpha.metadata)
    assert (joined.run_id, joined.joined) == (again.run_id, True)


async def test_runs_are_listed_the_newest_first_by_state_and_workflow(
    alpha: Caller, image_id: str, runs: WorkflowRuns
) -> None:
    boats = written(SHIPS.replace("workflow: ships", "workflow: boats"))
    ids = [(await run(alpha, {"scene": image_id})).run_id for _ in range(3)]
    other = (await run(alpha, {"scene": image_id}, written=boats)).run_id
    await runs.finish(ids[1], "succeeded", outputs="{}")
    first = await list_runs(alpha, page_size=2)
    assert [each.run_id for each in first.runs] == [other, ids[2]]
    rest = await list_runs(alpha, page_size=2, page_token=first.next_page_token)
    assert [each.run_id for each in rest.runs] == [ids[1], ids[0]]
    ended = await list_runs(alpha, state=pb.RUN_STATE_SUCCEEDED)
    assert [each.run_id for each in ended.runs] == [ids[1]]
    assert [each.run_id for each in (await list_runs(alpha, workflow="boats")).runs] == [other]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"page_size": -1}, "page_size"),
        ({"page_token": "x"}, "page_token"),
        ({"state": 9}, "state"),
    ],
)
async def test_pages_that_cannot_be_are_refused(
    alpha: Caller, fields: dict[str, Any], field: str
) -> None:
    error = await refusal(list_runs(alpha, **fields))
    assert isinstance(error, InvalidInput) and error.field == field


def calls_about(caller: Caller, run_id: str) -> dict[str, Any]:
    """A call of each kind that names a run."""
    stub, metadata = caller.workflows, caller.metadata
    return {
        "GetRun": stub.GetRun(pb.GetRunRequest(run_id=run_id), metadata=metadata),
        "WatchRun": watch(caller, run_id),
        "CancelRun": stub.CancelRun(pb.CancelRunRequest(run_id=run_id), metadata=metadata),
        "ResumeRun": stub.ResumeRun(pb.ResumeRunRequest(run_id=run_id), metadata=metadata),
        "RerunRun": stub.RerunRun(pb.RerunRunRequest(run_id=run_id), metadata=metadata),
        "GetRunOutput": output(caller, run_id, "ships"),
        "GetRunFile": fetch(caller, run_id, "key"),
    }


async def output(caller: Caller, run_id: str, name: str) -> bytes:
    request = pb.GetRunOutputRequest(run_id=run_id, output=name)
    call = caller.workflows.GetRunOutput(request, metadata=caller.metadata)
    return b"".join([response.chunk async for response in call])


async def fetch(caller: Caller, run_id: str, key: str) -> bytes:
    request = pb.GetRunFileRequest(run_id=run_id, key=key)
    call = caller.workflows.GetRunFile(request, metadata=caller.metadata)
    return b"".join([response.chunk async for response in call])


async def test_another_tenants_run_is_not_found_by_any_call(
    gateway: GatewayServer, run_id: str
) -> None:
    beta = gateway.caller("beta")
    for name, call in calls_about(beta, run_id).items():
        assert isinstance(await refusal(call), NotFound), name
    assert not (await list_runs(beta)).runs
    alpha = gateway.caller("alpha")
    assert (await get_run(alpha, run_id)).run.state == pb.RUN_STATE_RUNNING


@pytest.mark.parametrize("odd", ["", "0" * 32, "RUN:units", "RUN:events", "*", "ü"])
async def test_a_run_that_never_was_is_not_found_by_any_call(
    alpha: Caller, run_id: str, odd: str
) -> None:
    for name, call in calls_about(alpha, odd.replace("RUN", run_id)).items():
        error = await refusal(call)
        assert isinstance(error, NotFound), name
        assert error.field == "run_id", name


async def test_events_are_numbered_from_one(alpha: Caller, run_id: str) -> None:
    error = await refusal(watch(alpha, run_id, after=-1))
    assert isinstance(error, InvalidInput) and error.field == "after_event"


async def test_outputs_larger_than_a_message_are_streamed(
    alpha: Caller, runs: WorkflowRuns, run_id: str
) -> None:
    many = [{"box_xyxy_px": [n, 0, n + 1, 1], "label": "ü" * 80} for n in range(20_000)]
    outputs = {"few": many[:10], "ships": many, "number": 20_000}
    await runs.finish(run_id, "succeeded", outputs=json.dumps(outputs))
    found = await get_run(alpha, run_id)
    assert sorted(found.outputs) == ["few", "number"]
    assert list(found.large_outputs) == ["ships"]
    data = await output(alpha, run_id, "ships")
    assert len(data) > 8 * 1024 * 1024 and json.loads(data) == many
    error = await refusal(output(alpha, run_id, "boats"))
    assert isinstance(error, NotFound) and error.field == "output"


async def test_files_of_a_run_are_fetched_and_no_others(
    gateway: GatewayServer, alpha: Caller, runs: WorkflowRuns, run_id: str
) -> None:
    store = open_store(
        read_settings(
            ProcessSettings,
            {k: v for k, v in gateway.environ.items() if not k.endswith(("_ADDR", "KEYS_FILE"))},
        )
    )
    large, small = bytes(range(256)) * 5000, b"small"
    keys = [put_file(store, data, tenant="alpha", ttl_s=60) for data in (large, small, b"other")]
    store.close()
    picture = File("picture.png", "image/png", len(small), keys[1])
    report = File("report.md", "text/markdown", len(large), keys[0], beside=(picture,))
    outputs = {"reports": [value_to_json(report)], "number": 1, "picture": value_to_json(picture)}
    await runs.finish(run_id, "succeeded", outputs=json.dumps(outputs))
    listed = [
        (f.output, list(f.position), f.name, f.media_type, f.size_bytes)
        for f in (await get_run(alpha, run_id)).files
    ]
    assert listed == [
        ("reports", [0], "report.md", "text/markdown", len(large)),
        ("reports", [0], "picture.png", "image/png", len(small)),
        ("picture", [], "picture.png", "image/png", len(small)),
    ]
    assert await fetch(alpha, run_id, keys[0]) == large
    assert await fetch(alpha, run_id, keys[1]) == small
    for key in (keys[2], "", "odd"):
        error = await refusal(fetch(alpha, run_id, key))
        assert isinstance(error, NotFound) and error.field == "key"
    beta = gateway.caller("beta")
    assert isinstance(await refusal(fetch(beta, run_id, keys[0])), NotFound)
