from google.protobuf import struct_pb2 as _struct_pb2
from protos.earthgptx.v1 import interpreter_pb2 as _interpreter_pb2
from protos.earthgptx.v1 import workflow_definition_pb2 as _workflow_definition_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_STATE_UNSPECIFIED: _ClassVar[RunState]
    RUN_STATE_RUNNING: _ClassVar[RunState]
    RUN_STATE_SUCCEEDED: _ClassVar[RunState]
    RUN_STATE_FAILED: _ClassVar[RunState]
    RUN_STATE_CANCELLED: _ClassVar[RunState]

class StepState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STEP_STATE_UNSPECIFIED: _ClassVar[StepState]
    STEP_STATE_WAITING: _ClassVar[StepState]
    STEP_STATE_QUEUED: _ClassVar[StepState]
    STEP_STATE_RUNNING: _ClassVar[StepState]
    STEP_STATE_DONE: _ClassVar[StepState]
    STEP_STATE_SKIPPED: _ClassVar[StepState]
    STEP_STATE_FAILED: _ClassVar[StepState]
    STEP_STATE_STOPPED: _ClassVar[StepState]
RUN_STATE_UNSPECIFIED: RunState
RUN_STATE_RUNNING: RunState
RUN_STATE_SUCCEEDED: RunState
RUN_STATE_FAILED: RunState
RUN_STATE_CANCELLED: RunState
STEP_STATE_UNSPECIFIED: StepState
STEP_STATE_WAITING: StepState
STEP_STATE_QUEUED: StepState
STEP_STATE_RUNNING: StepState
STEP_STATE_DONE: StepState
STEP_STATE_SKIPPED: StepState
STEP_STATE_FAILED: StepState
STEP_STATE_STOPPED: StepState

class WrittenWorkflow(_message.Message):
    __slots__ = ("text", "definition")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    text: str
    definition: _workflow_definition_pb2.WorkflowDefinition
    def __init__(self, text: _Optional[str] = ..., definition: _Optional[_Union[_workflow_definition_pb2.WorkflowDefinition, _Mapping]] = ...) -> None: ...

class KeptWorkflow(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class WorkflowDiagnostic(_message.Message):
    __slots__ = ("code", "message", "advice", "step", "field", "line", "column")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ADVICE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    advice: str
    step: str
    field: str
    line: int
    column: int
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., advice: _Optional[str] = ..., step: _Optional[str] = ..., field: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[int] = ...) -> None: ...

class WorkflowVersion(_message.Message):
    __slots__ = ("version", "digest", "created_at_ms")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    version: int
    digest: str
    created_at_ms: int
    def __init__(self, version: _Optional[int] = ..., digest: _Optional[str] = ..., created_at_ms: _Optional[int] = ...) -> None: ...

class WorkflowInfo(_message.Message):
    __slots__ = ("name", "description", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    version: WorkflowVersion
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., version: _Optional[_Union[WorkflowVersion, _Mapping]] = ...) -> None: ...

class ValidateWorkflowRequest(_message.Message):
    __slots__ = ("workflow",)
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    workflow: WrittenWorkflow
    def __init__(self, workflow: _Optional[_Union[WrittenWorkflow, _Mapping]] = ...) -> None: ...

class ValidateWorkflowResponse(_message.Message):
    __slots__ = ("diagnostics", "digest", "most_runs", "input_types", "output_types")
    class InputTypesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class OutputTypesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    MOST_RUNS_FIELD_NUMBER: _ClassVar[int]
    INPUT_TYPES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TYPES_FIELD_NUMBER: _ClassVar[int]
    diagnostics: _containers.RepeatedCompositeFieldContainer[WorkflowDiagnostic]
    digest: str
    most_runs: int
    input_types: _containers.ScalarMap[str, str]
    output_types: _containers.ScalarMap[str, str]
    def __init__(self, diagnostics: _Optional[_Iterable[_Union[WorkflowDiagnostic, _Mapping]]] = ..., digest: _Optional[str] = ..., most_runs: _Optional[int] = ..., input_types: _Optional[_Mapping[str, str]] = ..., output_types: _Optional[_Mapping[str, str]] = ...) -> None: ...

class CreateWorkflowRequest(_message.Message):
    __slots__ = ("workflow",)
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    workflow: WrittenWorkflow
    def __init__(self, workflow: _Optional[_Union[WrittenWorkflow, _Mapping]] = ...) -> None: ...

class CreateWorkflowResponse(_message.Message):
    __slots__ = ("workflow", "created")
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    workflow: WorkflowInfo
    created: bool
    def __init__(self, workflow: _Optional[_Union[WorkflowInfo, _Mapping]] = ..., created: _Optional[bool] = ...) -> None: ...

class ListWorkflowsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListWorkflowsResponse(_message.Message):
    __slots__ = ("workflows", "next_page_token")
    WORKFLOWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    workflows: _containers.RepeatedCompositeFieldContainer[WorkflowInfo]
    next_page_token: str
    def __init__(self, workflows: _Optional[_Iterable[_Union[WorkflowInfo, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetWorkflowRequest(_message.Message):
    __slots__ = ("workflow",)
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    workflow: KeptWorkflow
    def __init__(self, workflow: _Optional[_Union[KeptWorkflow, _Mapping]] = ...) -> None: ...

class GetWorkflowResponse(_message.Message):
    __slots__ = ("workflow", "definition", "versions")
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    workflow: WorkflowInfo
    definition: _workflow_definition_pb2.WorkflowDefinition
    versions: _containers.RepeatedCompositeFieldContainer[WorkflowVersion]
    def __init__(self, workflow: _Optional[_Union[WorkflowInfo, _Mapping]] = ..., definition: _Optional[_Union[_workflow_definition_pb2.WorkflowDefinition, _Mapping]] = ..., versions: _Optional[_Iterable[_Union[WorkflowVersion, _Mapping]]] = ...) -> None: ...

class DeleteWorkflowRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteWorkflowResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RunWorkflowRequest(_message.Message):
    __slots__ = ("kept", "written", "inputs", "idempotency_key")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _struct_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    KEPT_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    kept: KeptWorkflow
    written: WrittenWorkflow
    inputs: _containers.MessageMap[str, _struct_pb2.Value]
    idempotency_key: str
    def __init__(self, kept: _Optional[_Union[KeptWorkflow, _Mapping]] = ..., written: _Optional[_Union[WrittenWorkflow, _Mapping]] = ..., inputs: _Optional[_Mapping[str, _struct_pb2.Value]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class RunWorkflowResponse(_message.Message):
    __slots__ = ("run_id", "joined")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    joined: bool
    def __init__(self, run_id: _Optional[str] = ..., joined: _Optional[bool] = ...) -> None: ...

class RunInfo(_message.Message):
    __slots__ = ("run_id", "workflow", "version", "state", "created_at_ms", "ended_at_ms", "failure", "last_event", "deadline_at_ms", "digest")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    LAST_EVENT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_AT_MS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    workflow: str
    version: int
    state: RunState
    created_at_ms: int
    ended_at_ms: int
    failure: _interpreter_pb2.Failure
    last_event: int
    deadline_at_ms: int
    digest: str
    def __init__(self, run_id: _Optional[str] = ..., workflow: _Optional[str] = ..., version: _Optional[int] = ..., state: _Optional[_Union[RunState, str]] = ..., created_at_ms: _Optional[int] = ..., ended_at_ms: _Optional[int] = ..., failure: _Optional[_Union[_interpreter_pb2.Failure, _Mapping]] = ..., last_event: _Optional[int] = ..., deadline_at_ms: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class StepInfo(_message.Message):
    __slots__ = ("step", "task", "state", "items", "items_done", "attempts", "failures", "started_at_ms", "ended_at_ms", "error")
    STEP_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_DONE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    step: str
    task: str
    state: StepState
    items: int
    items_done: int
    attempts: int
    failures: int
    started_at_ms: int
    ended_at_ms: int
    error: str
    def __init__(self, step: _Optional[str] = ..., task: _Optional[str] = ..., state: _Optional[_Union[StepState, str]] = ..., items: _Optional[int] = ..., items_done: _Optional[int] = ..., attempts: _Optional[int] = ..., failures: _Optional[int] = ..., started_at_ms: _Optional[int] = ..., ended_at_ms: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class GetRunResponse(_message.Message):
    __slots__ = ("run", "steps", "outputs", "files", "large_outputs")
    class OutputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _struct_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    RUN_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    LARGE_OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    run: RunInfo
    steps: _containers.RepeatedCompositeFieldContainer[StepInfo]
    outputs: _containers.MessageMap[str, _struct_pb2.Value]
    files: _containers.RepeatedCompositeFieldContainer[RunFile]
    large_outputs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, run: _Optional[_Union[RunInfo, _Mapping]] = ..., steps: _Optional[_Iterable[_Union[StepInfo, _Mapping]]] = ..., outputs: _Optional[_Mapping[str, _struct_pb2.Value]] = ..., files: _Optional[_Iterable[_Union[RunFile, _Mapping]]] = ..., large_outputs: _Optional[_Iterable[str]] = ...) -> None: ...

class RunFile(_message.Message):
    __slots__ = ("output", "key", "name", "media_type", "size_bytes", "position")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    output: str
    key: str
    name: str
    media_type: str
    size_bytes: int
    position: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, output: _Optional[str] = ..., key: _Optional[str] = ..., name: _Optional[str] = ..., media_type: _Optional[str] = ..., size_bytes: _Optional[int] = ..., position: _Optional[_Iterable[int]] = ...) -> None: ...

class ListRunsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "state", "workflow")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    state: RunState
    workflow: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., state: _Optional[_Union[RunState, str]] = ..., workflow: _Optional[str] = ...) -> None: ...

class ListRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[RunInfo]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[RunInfo, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchRunRequest(_message.Message):
    __slots__ = ("run_id", "after_event")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_EVENT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    after_event: int
    def __init__(self, run_id: _Optional[str] = ..., after_event: _Optional[int] = ...) -> None: ...

class WatchRunResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: RunEvent
    def __init__(self, event: _Optional[_Union[RunEvent, _Mapping]] = ...) -> None: ...

class RunEvent(_message.Message):
    __slots__ = ("number", "at_ms", "accepted", "started", "expanded", "unit_done", "done", "skipped", "failed", "ended", "resumed", "rewound")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    EXPANDED_FIELD_NUMBER: _ClassVar[int]
    UNIT_DONE_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    REWOUND_FIELD_NUMBER: _ClassVar[int]
    number: int
    at_ms: int
    accepted: RunAccepted
    started: StepStarted
    expanded: StepExpanded
    unit_done: UnitDone
    done: StepDone
    skipped: StepSkipped
    failed: StepFailed
    ended: RunEnded
    resumed: RunResumed
    rewound: StepRewound
    def __init__(self, number: _Optional[int] = ..., at_ms: _Optional[int] = ..., accepted: _Optional[_Union[RunAccepted, _Mapping]] = ..., started: _Optional[_Union[StepStarted, _Mapping]] = ..., expanded: _Optional[_Union[StepExpanded, _Mapping]] = ..., unit_done: _Optional[_Union[UnitDone, _Mapping]] = ..., done: _Optional[_Union[StepDone, _Mapping]] = ..., skipped: _Optional[_Union[StepSkipped, _Mapping]] = ..., failed: _Optional[_Union[StepFailed, _Mapping]] = ..., ended: _Optional[_Union[RunEnded, _Mapping]] = ..., resumed: _Optional[_Union[RunResumed, _Mapping]] = ..., rewound: _Optional[_Union[StepRewound, _Mapping]] = ...) -> None: ...

class RunAccepted(_message.Message):
    __slots__ = ("workflow", "steps")
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    workflow: str
    steps: int
    def __init__(self, workflow: _Optional[str] = ..., steps: _Optional[int] = ...) -> None: ...

class StepStarted(_message.Message):
    __slots__ = ("step",)
    STEP_FIELD_NUMBER: _ClassVar[int]
    step: str
    def __init__(self, step: _Optional[str] = ...) -> None: ...

class StepExpanded(_message.Message):
    __slots__ = ("step", "items")
    STEP_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    step: str
    items: int
    def __init__(self, step: _Optional[str] = ..., items: _Optional[int] = ...) -> None: ...

class UnitDone(_message.Message):
    __slots__ = ("step", "item")
    STEP_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    step: str
    item: int
    def __init__(self, step: _Optional[str] = ..., item: _Optional[int] = ...) -> None: ...

class StepDone(_message.Message):
    __slots__ = ("step", "summary")
    class SummaryEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STEP_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    step: str
    summary: _containers.ScalarMap[str, str]
    def __init__(self, step: _Optional[str] = ..., summary: _Optional[_Mapping[str, str]] = ...) -> None: ...

class StepSkipped(_message.Message):
    __slots__ = ("step",)
    STEP_FIELD_NUMBER: _ClassVar[int]
    step: str
    def __init__(self, step: _Optional[str] = ...) -> None: ...

class StepFailed(_message.Message):
    __slots__ = ("step", "item", "attempt", "failure", "will_retry")
    STEP_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    WILL_RETRY_FIELD_NUMBER: _ClassVar[int]
    step: str
    item: int
    attempt: int
    failure: _interpreter_pb2.Failure
    will_retry: bool
    def __init__(self, step: _Optional[str] = ..., item: _Optional[int] = ..., attempt: _Optional[int] = ..., failure: _Optional[_Union[_interpreter_pb2.Failure, _Mapping]] = ..., will_retry: _Optional[bool] = ...) -> None: ...

class StepRewound(_message.Message):
    __slots__ = ("step", "reason", "item")
    STEP_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    step: str
    reason: str
    item: int
    def __init__(self, step: _Optional[str] = ..., reason: _Optional[str] = ..., item: _Optional[int] = ...) -> None: ...

class RunResumed(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RunEnded(_message.Message):
    __slots__ = ("state", "failure")
    STATE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    state: RunState
    failure: _interpreter_pb2.Failure
    def __init__(self, state: _Optional[_Union[RunState, str]] = ..., failure: _Optional[_Union[_interpreter_pb2.Failure, _Mapping]] = ...) -> None: ...

class CancelRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class CancelRunResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResumeRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class ResumeRunResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RerunRunRequest(_message.Message):
    __slots__ = ("run_id", "idempotency_key")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    idempotency_key: str
    def __init__(self, run_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class RerunRunResponse(_message.Message):
    __slots__ = ("run_id", "joined")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    joined: bool
    def __init__(self, run_id: _Optional[str] = ..., joined: _Optional[bool] = ...) -> None: ...

class GetRunOutputRequest(_message.Message):
    __slots__ = ("run_id", "output")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    output: str
    def __init__(self, run_id: _Optional[str] = ..., output: _Optional[str] = ...) -> None: ...

class GetRunOutputResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    def __init__(self, chunk: _Optional[bytes] = ...) -> None: ...

class GetRunFileRequest(_message.Message):
    __slots__ = ("run_id", "key")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    key: str
    def __init__(self, run_id: _Optional[str] = ..., key: _Optional[str] = ...) -> None: ...

class GetRunFileResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    def __init__(self, chunk: _Optional[bytes] = ...) -> None: ...
