from protos.earthgptx.v1 import geometry_pb2 as _geometry_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Task(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_UNSPECIFIED: _ClassVar[Task]
    TASK_ANSWER: _ClassVar[Task]
    TASK_SEGMENT_REGIONS: _ClassVar[Task]

class Zoom(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ZOOM_UNSPECIFIED: _ClassVar[Zoom]
    ZOOM_AUTO: _ClassVar[Zoom]
    ZOOM_WHOLE_IMAGE: _ClassVar[Zoom]
    ZOOM_CLOSE: _ClassVar[Zoom]

class TerminalState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TERMINAL_STATE_UNSPECIFIED: _ClassVar[TerminalState]
    TERMINAL_STATE_SUCCEEDED: _ClassVar[TerminalState]
    TERMINAL_STATE_FAILED: _ClassVar[TerminalState]
    TERMINAL_STATE_CANCELLED: _ClassVar[TerminalState]
TASK_UNSPECIFIED: Task
TASK_ANSWER: Task
TASK_SEGMENT_REGIONS: Task
ZOOM_UNSPECIFIED: Zoom
ZOOM_AUTO: Zoom
ZOOM_WHOLE_IMAGE: Zoom
ZOOM_CLOSE: Zoom
TERMINAL_STATE_UNSPECIFIED: TerminalState
TERMINAL_STATE_SUCCEEDED: TerminalState
TERMINAL_STATE_FAILED: TerminalState
TERMINAL_STATE_CANCELLED: TerminalState

class InterpretRequest(_message.Message):
    __slots__ = ("image_id", "question", "regions", "modality", "task", "zoom", "max_new_tokens", "durable", "idempotency_key", "adapter")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    REGIONS_FIELD_NUMBER: _ClassVar[int]
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ZOOM_FIELD_NUMBER: _ClassVar[int]
    MAX_NEW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    DURABLE_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    ADAPTER_FIELD_NUMBER: _ClassVar[int]
    image_id: str
    question: str
    regions: _containers.RepeatedCompositeFieldContainer[_geometry_pb2.Region]
    modality: _geometry_pb2.Modality
    task: Task
    zoom: Zoom
    max_new_tokens: int
    durable: bool
    idempotency_key: str
    adapter: str
    def __init__(self, image_id: _Optional[str] = ..., question: _Optional[str] = ..., regions: _Optional[_Iterable[_Union[_geometry_pb2.Region, _Mapping]]] = ..., modality: _Optional[_Union[_geometry_pb2.Modality, str]] = ..., task: _Optional[_Union[Task, str]] = ..., zoom: _Optional[_Union[Zoom, str]] = ..., max_new_tokens: _Optional[int] = ..., durable: _Optional[bool] = ..., idempotency_key: _Optional[str] = ..., adapter: _Optional[str] = ...) -> None: ...

class InterpretResponse(_message.Message):
    __slots__ = ("accepted", "text", "boxes", "mask", "finished")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    accepted: Accepted
    text: AnswerText
    boxes: GroundedBoxes
    mask: GroundedMask
    finished: Finished
    def __init__(self, accepted: _Optional[_Union[Accepted, _Mapping]] = ..., text: _Optional[_Union[AnswerText, _Mapping]] = ..., boxes: _Optional[_Union[GroundedBoxes, _Mapping]] = ..., mask: _Optional[_Union[GroundedMask, _Mapping]] = ..., finished: _Optional[_Union[Finished, _Mapping]] = ...) -> None: ...

class Accepted(_message.Message):
    __slots__ = ("run_id", "window", "band_note")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    BAND_NOTE_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    window: _geometry_pb2.Window
    band_note: str
    def __init__(self, run_id: _Optional[str] = ..., window: _Optional[_Union[_geometry_pb2.Window, _Mapping]] = ..., band_note: _Optional[str] = ...) -> None: ...

class AnswerText(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class GroundedBoxes(_message.Message):
    __slots__ = ("phrase", "boxes", "scores")
    PHRASE_FIELD_NUMBER: _ClassVar[int]
    BOXES_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    phrase: str
    boxes: _containers.RepeatedCompositeFieldContainer[_geometry_pb2.Box]
    scores: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, phrase: _Optional[str] = ..., boxes: _Optional[_Iterable[_Union[_geometry_pb2.Box, _Mapping]]] = ..., scores: _Optional[_Iterable[float]] = ...) -> None: ...

class GroundedMask(_message.Message):
    __slots__ = ("phrase", "index", "mask", "score", "box", "area_px", "polygons_px", "polygons_lonlat")
    PHRASE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    AREA_PX_FIELD_NUMBER: _ClassVar[int]
    POLYGONS_PX_FIELD_NUMBER: _ClassVar[int]
    POLYGONS_LONLAT_FIELD_NUMBER: _ClassVar[int]
    phrase: str
    index: int
    mask: _geometry_pb2.RleMask
    score: float
    box: _geometry_pb2.Box
    area_px: int
    polygons_px: _containers.RepeatedCompositeFieldContainer[PolygonWithHoles]
    polygons_lonlat: _containers.RepeatedCompositeFieldContainer[PolygonWithHoles]
    def __init__(self, phrase: _Optional[str] = ..., index: _Optional[int] = ..., mask: _Optional[_Union[_geometry_pb2.RleMask, _Mapping]] = ..., score: _Optional[float] = ..., box: _Optional[_Union[_geometry_pb2.Box, _Mapping]] = ..., area_px: _Optional[int] = ..., polygons_px: _Optional[_Iterable[_Union[PolygonWithHoles, _Mapping]]] = ..., polygons_lonlat: _Optional[_Iterable[_Union[PolygonWithHoles, _Mapping]]] = ...) -> None: ...

class PolygonWithHoles(_message.Message):
    __slots__ = ("outer", "holes")
    OUTER_FIELD_NUMBER: _ClassVar[int]
    HOLES_FIELD_NUMBER: _ClassVar[int]
    outer: Ring
    holes: _containers.RepeatedCompositeFieldContainer[Ring]
    def __init__(self, outer: _Optional[_Union[Ring, _Mapping]] = ..., holes: _Optional[_Iterable[_Union[Ring, _Mapping]]] = ...) -> None: ...

class Ring(_message.Message):
    __slots__ = ("positions",)
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    positions: _containers.RepeatedCompositeFieldContainer[Position]
    def __init__(self, positions: _Optional[_Iterable[_Union[Position, _Mapping]]] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("x", "y")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ...) -> None: ...

class Finished(_message.Message):
    __slots__ = ("state", "answer", "raw_answer", "usage", "failure", "truncated")
    STATE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    RAW_ANSWER_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    state: TerminalState
    answer: str
    raw_answer: str
    usage: Usage
    failure: Failure
    truncated: bool
    def __init__(self, state: _Optional[_Union[TerminalState, str]] = ..., answer: _Optional[str] = ..., raw_answer: _Optional[str] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., truncated: _Optional[bool] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("prompt_tokens", "new_tokens", "image_from_cache", "duration_s")
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    NEW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FROM_CACHE_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_FIELD_NUMBER: _ClassVar[int]
    prompt_tokens: int
    new_tokens: int
    image_from_cache: bool
    duration_s: float
    def __init__(self, prompt_tokens: _Optional[int] = ..., new_tokens: _Optional[int] = ..., image_from_cache: _Optional[bool] = ..., duration_s: _Optional[float] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("code", "message", "retryable", "field", "limit")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    retryable: bool
    field: str
    limit: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., retryable: _Optional[bool] = ..., field: _Optional[str] = ..., limit: _Optional[str] = ...) -> None: ...
