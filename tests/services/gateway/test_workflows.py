"""Checking, keeping, listing and starting workflows, on a real gateway with a real Redis."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Value

from protos.earthgptx.v1 import workflows_pb2 as pb
from shared.errors import Conflict, InvalidInput, NotFound, QuotaExceeded, StageUnavailable
from tests.servers import free_port
from tests.services.bad_files import ODD_FILES
from tests.services.gateway.conftest import Caller, GatewayServer, StartGateway, refusal
from tests.services.pictures import png
from workflow_language import compile_text, digest
from workflow_language.proto import to_proto

SHIPS = """\
workflow: ships
description: Finds ships.
inputs:
  scene: {type: scene, modality: optical}
  least: {type: number, default: 0.5}
steps:
  - {id: seen, task: detect, with: {image: $scene, labels: [ship]}}
  - {id: sure, task: filter, with: {regions: $seen, where: score >= $least}}
outputs: {ships: $sure, number: $sure.count}
"""
BROKEN = SHIPS.replace("detect", "detct").replace("$least", "$most")


def written(text: str) -> pb.WrittenWorkflow:
    return pb.WrittenWorkflow(text=text)


def wire(values: dict[str, Any]) -> dict[str, Value]:
    return {name: ParseDict(value, Value()) for name, value in values.items()}


async def create(caller: Caller, text: str = SHIPS) -> Any:
    request = pb.CreateWorkflowRequest(workflow=written(text))
    return await caller.workflows.CreateWorkflow(request, metadata=caller.metadata)


async def run(caller: Caller, inputs: dict[str, Any], **fields: Any) -> Any:
    fields = fields or {"written": written(SHIPS)}
    request = pb.RunWorkflowRequest(inputs=wire(inputs), **fields)
    return await caller.workflows.RunWorkflow(request, metadata=caller.metadata)


async def get_run(caller: Caller, run_id: str) -> Any:
    request = pb.GetRunRequest(run_id=run_id)
    return await caller.workflows.GetRun(request, metadata=caller.metadata)


async def validate(caller: Caller, workflow: pb.WrittenWorkflow) -> Any:
    request = pb.ValidateWorkflowRequest(workflow=workflow)
    return await caller.workflows.ValidateWorkflow(request, metadata=caller.metadata)


async def test_a_workflow_that_could_run_is_told_as_such(alpha: Caller) -> None:
    plan = compile_text(SHIPS)
    for form in (written(SHIPS), pb.WrittenWorkflow(definition=to_proto(plan.definition))):
        told = await validate(alpha, form)
        assert (list(told.diagnostics), told.digest) == ([], digest(plan.definition))
        assert dict(told.input_types) == {"scene": "scene", "least": "number"}
        assert dict(told.output_types) == {"ships": "regions", "number": "number"}
        assert told.most_runs == 2


async def test_validation_tells_every_fault_with_its_place(alpha: Caller) -> None:
    told = await validate(alpha, written(BROKEN))
    faults = [(f.code, f.step, f.field, f.line, f.column) for f in told.diagnostics]
    assert faults == [
        ("unknown_task", "seen", "task", 7, 22),
        ("unknown_reference", "sure", "with.where", 8, 60),
    ]
    assert told.diagnostics[0].advice == "did you mean detect?"
    assert told.digest == ""


async def test_keeping_a_broken_workflow_names_its_faults_as_field_violations(
    alpha: Caller,
) -> None:
    error = await refusal(create(alpha, BROKEN))
    assert isinstance(error, InvalidInput) and error.field == "workflow.seen.task"
    assert error.message.startswith("2 faults; the first: 7:22: step seen, task: there is no task")


async def test_more_faults_than_metadata_holds_are_still_a_refusal(alpha: Caller) -> None:
    steps = "".join(f"  - {{id: s{i}, task: 'no {'x' * 50}'}}\n" for i in range(150))
    error = await refusal(create(alpha, f"workflow: w\nsteps:\n{steps}outputs: {{a: $s1}}\n"))
    assert isinstance(error, InvalidInput) and "100 faults" in error.message


@pytest.mark.parametrize(
    ("form", "field", "limit"),
    [
        (pb.WrittenWorkflow(), "workflow", "a text"),
        (pb.WrittenWorkflow(text="x" * 65_537), "workflow", ""),
        (
            pb.WrittenWorkflow(definition={"workflow": "w", "description": "x" * 65_537}),
            "workflow.definition",
            "65,536 bytes",
        ),
    ],
)
async def test_what_is_no_workflow_is_refused(
    alpha: Caller, form: pb.WrittenWorkflow, field: str, limit: str
) -> None:
    request = pb.CreateWorkflowRequest(workflow=form)
    error = await refusal(alpha.workflows.CreateWorkflow(request, metadata=alpha.metadata))
    assert isinstance(error, InvalidInput)
    assert error.field == field and limit in (error.limit or "")


async def test_the_same_digest_is_the_same_version(alpha: Caller) -> None:
    first = await create(alpha)
    assert (first.created, first.workflow.name, first.workflow.version.version) == (
        True,
        "ships",
        1,
    )
    respelt = json.dumps(MessageToDict(to_proto(compile_text(SHIPS).definition)))
    again = await create(alpha, respelt)
    assert not again.created and again.workflow == first.workflow
    second = await create(alpha, SHIPS.replace("0.5", "0.6"))
    assert second.created and second.workflow.version.version == 2


async def test_a_kept_workflow_comes_back_as_it_was(alpha: Caller) -> None:
    await create(alpha)
    await create(alpha, SHIPS.replace("0.5", "0.6"))
    request = pb.GetWorkflowRequest(workflow=pb.KeptWorkflow(name="ships", version=1))
    found = await alpha.workflows.GetWorkflow(request, metadata=alpha.metadata)
    assert found.definition == to_proto(compile_text(SHIPS).definition)
    assert found.workflow.description == "Finds ships."
    assert [each.version for each in found.versions] == [2, 1]


async def test_workflows_are_listed_by_pages(alpha: Caller) -> None:
    for name in ("c", "a", "b"):
        await create(alpha, SHIPS.replace("workflow: ships", f"workflow: {name}"))
    names, token = [], ""
    while True:
        request = pb.ListWorkflowsRequest(page_size=2, page_token=token)
        page = await alpha.workflows.ListWorkflows(request, metadata=alpha.metadata)
        names.append([each.name for each in page.workflows])
        token = page.next_page_token
        if not token:
            break
    assert names == [["a", "b"], ["c"]]
    request = pb.ListWorkflowsRequest(page_size=201)
    error = await refusal(alpha.workflows.ListWorkflows(request, metadata=alpha.metadata))
    assert (error.field, error.limit) == ("page_size", "0 to 200")


async def test_another_tenants_workflow_is_not_found(gateway: GatewayServer) -> None:
    alpha, beta = gateway.caller("alpha"), gateway.caller("beta")
    await create(alpha)
    kept = pb.KeptWorkflow(name="ships")
    request = pb.GetWorkflowRequest(workflow=kept)
    error = await refusal(beta.workflows.GetWorkflow(request, metadata=beta.metadata))
    assert isinstance(error, NotFound)
    assert isinstance(await refusal(run(beta, {}, kept=kept)), NotFound)
    deletion = pb.DeleteWorkflowRequest(name="ships")
    await beta.workflows.DeleteWorkflow(deletion, metadata=beta.metadata)
    assert await alpha.workflows.GetWorkflow(request, metadata=alpha.metadata)
    await alpha.workflows.DeleteWorkflow(deletion, metadata=alpha.metadata)
    error = await refusal(alpha.workflows.GetWorkflow(request, metadata=alpha.metadata))
    assert isinstance(error, NotFound)


@pytest.mark.parametrize(
    ("kept", "field"),
    [
        (pb.KeptWorkflow(), "workflow.name"),
        (pb.KeptWorkflow(name="ships", version=-1), "workflow.version"),
    ],
)
async def test_a_workflow_must_be_named(alpha: Caller, kept: pb.KeptWorkflow, field: str) -> None:
    request = pb.GetWorkflowRequest(workflow=kept)
    error = await refusal(alpha.workflows.GetWorkflow(request, metadata=alpha.metadata))
    assert isinstance(error, InvalidInput) and error.field == field


async def test_a_tenant_keeps_so_many_versions(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(max_workflow_versions_per_tenant="1")
    alpha = gateway.caller()
    await create(alpha)
    error = await refusal(create(alpha, SHIPS.replace("0.5", "0.6")))
    assert isinstance(error, QuotaExceeded) and "1 versions" in (error.limit or "")


async def test_a_run_is_recorded_with_its_inputs_and_their_defaults(
    alpha: Caller, image_id: str
) -> None:
    started = await run(alpha, {"scene": image_id})
    found = await get_run(alpha, started.run_id)
    assert (found.run.workflow, found.run.version) == ("ships", 0)
    assert found.run.state == pb.RUN_STATE_RUNNING and found.run.digest.startswith("sha256:")
    assert [(s.step, s.task) for s in found.steps] == [("seen", "detect"), ("sure", "filter")]
    assert not started.joined and not found.outputs and found.run.deadline_at_ms


async def test_a_kept_workflow_is_run_by_name(alpha: Caller, image_id: str) -> None:
    await create(alpha)
    await create(alpha, SHIPS.replace("0.5", "0.6"))
    for version, is_run in ((1, 1), (0, 2)):
        kept = pb.KeptWorkflow(name="ships", version=version)
        started = await run(alpha, {"scene": image_id}, kept=kept)
        assert (await get_run(alpha, started.run_id)).run.version == is_run


@pytest.mark.parametrize(
    ("inputs", "field", "said"),
    [
        ({}, "inputs.scene", "is not given"),
        ({"scene": "port.png"}, "inputs.scene", ""),
        ({"scene": "sha256:" + "0" * 64}, "inputs.scene", ""),
        ({"scene": "IMAGE", "least": "much"}, "inputs.least", "number"),
        ({"scene": "IMAGE", "most": 1}, "inputs.most", "there is least, scene"),
        ({"scene": "IMAGE", "least": [[[[[[[[[[[[[1]]]]]]]]]]]]]}, "inputs.least", "deeper"),
        ({"scene": "IMAGE", "least": "x" * 262_144}, "inputs", "bytes"),
    ],
)
async def test_inputs_that_cannot_be_used_are_named(
    alpha: Caller, image_id: str, inputs: dict[str, Any], field: str, said: str
) -> None:
    given = {name: image_id if v == "IMAGE" else v for name, v in inputs.items()}
    error = await refusal(run(alpha, given))
    assert isinstance(error, InvalidInput)
    assert (error.field or "").startswith(field) and said in error.message


async def test_an_image_that_cannot_be_of_its_sensor_is_refused(alpha: Caller) -> None:
    thermal = SHIPS.replace("modality: optical", "modality: infrared")
    image = await alpha.upload(ODD_FILES["8 bands"][0])
    error = await refusal(run(alpha, {"scene": image.image_id}, written=written(thermal)))
    assert isinstance(error, InvalidInput) and error.field == "inputs.scene"
    assert "the image has 8 bands" in error.message


async def test_another_tenants_image_is_no_input(gateway: GatewayServer) -> None:
    image = await gateway.caller("beta").upload(png())
    error = await refusal(run(gateway.caller("alpha"), {"scene": image.image_id}))
    assert isinstance(error, InvalidInput) and error.field == "inputs.scene"


async def test_a_repeated_request_joins_the_run_of_its_key(alpha: Caller, image_id: str) -> None:
    asked: dict[str, Any] = {"written": written(SHIPS), "idempotency_key": "k"}
    first = await run(alpha, {"scene": image_id}, **asked)
    again = await run(alpha, {"least": 0.5, "scene": image_id}, **asked)
    assert (again.run_id, again.joined) == (first.run_id, True)
    error = await refusal(run(alpha, {"scene": image_id, "least": 0.4}, **asked))
    assert isinstance(error, Conflict) and error.field == "idempotency_key"
    asked["idempotency_key"] = "k" * 257
    error = await refusal(run(alpha, {"scene": image_id}, **asked))
    assert isinstance(error, InvalidInput) and error.field == "idempotency_key"


async def test_a_tenant_has_so_many_runs(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(max_workflow_runs_per_tenant="1")
    alpha = gateway.caller()
    image = await alpha.upload(png())
    await run(alpha, {"scene": image.image_id})
    error = await refusal(run(alpha, {"scene": image.image_id}))
    assert isinstance(error, QuotaExceeded) and error.retry_after_s


async def test_without_the_state_store_nothing_is_kept_or_run(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(state_redis_url=f"redis://127.0.0.1:{free_port()}/0")
    alpha = gateway.caller()
    image = await alpha.upload(png())
    assert isinstance(await refusal(create(alpha)), StageUnavailable)
    assert isinstance(await refusal(run(alpha, {"scene": image.image_id})), StageUnavailable)
    assert (await validate(alpha, written(SHIPS))).digest
