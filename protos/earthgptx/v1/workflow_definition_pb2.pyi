import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WorkflowDefinition(_message.Message):
    __slots__ = ("workflow", "description", "inputs", "defaults", "steps", "outputs")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: WorkflowInput
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[WorkflowInput, _Mapping]] = ...) -> None: ...
    class OutputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    DEFAULTS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    workflow: str
    description: str
    inputs: _containers.MessageMap[str, WorkflowInput]
    defaults: WorkflowPolicy
    steps: _containers.RepeatedCompositeFieldContainer[WorkflowStep]
    outputs: _containers.ScalarMap[str, str]
    def __init__(self, workflow: _Optional[str] = ..., description: _Optional[str] = ..., inputs: _Optional[_Mapping[str, WorkflowInput]] = ..., defaults: _Optional[_Union[WorkflowPolicy, _Mapping]] = ..., steps: _Optional[_Iterable[_Union[WorkflowStep, _Mapping]]] = ..., outputs: _Optional[_Mapping[str, str]] = ...) -> None: ...

class WorkflowInput(_message.Message):
    __slots__ = ("type", "description", "default", "at_most", "modality")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_FIELD_NUMBER: _ClassVar[int]
    AT_MOST_FIELD_NUMBER: _ClassVar[int]
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    type: str
    description: str
    default: _struct_pb2.Value
    at_most: int
    modality: str
    def __init__(self, type: _Optional[str] = ..., description: _Optional[str] = ..., default: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., at_most: _Optional[int] = ..., modality: _Optional[str] = ...) -> None: ...

class WorkflowPolicy(_message.Message):
    __slots__ = ("in_flight", "retries", "deadline", "priority")
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    in_flight: int
    retries: int
    deadline: _duration_pb2.Duration
    priority: str
    def __init__(self, in_flight: _Optional[int] = ..., retries: _Optional[int] = ..., deadline: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., priority: _Optional[str] = ...) -> None: ...

class WorkflowStep(_message.Message):
    __slots__ = ("id", "task", "for_each", "at_most", "when", "in_flight", "retries", "deadline", "priority")
    class WithEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _struct_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    WITH_FIELD_NUMBER: _ClassVar[int]
    FOR_EACH_FIELD_NUMBER: _ClassVar[int]
    AS_FIELD_NUMBER: _ClassVar[int]
    AT_MOST_FIELD_NUMBER: _ClassVar[int]
    WHEN_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    id: str
    task: str
    for_each: _struct_pb2.Value
    at_most: int
    when: str
    in_flight: int
    retries: int
    deadline: _duration_pb2.Duration
    priority: str
    def __init__(self, id: _Optional[str] = ..., task: _Optional[str] = ..., for_each: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., at_most: _Optional[int] = ..., when: _Optional[str] = ..., in_flight: _Optional[int] = ..., retries: _Optional[int] = ..., deadline: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., priority: _Optional[str] = ..., **kwargs) -> None: ...
