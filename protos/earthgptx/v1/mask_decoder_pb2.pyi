from protos.earthgptx.v1 import geometry_pb2 as _geometry_pb2
from protos.earthgptx.v1 import image_encoder_pb2 as _image_encoder_pb2
from protos.earthgptx.v1 import prompt_encoder_pb2 as _prompt_encoder_pb2
from protos.earthgptx.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DecodeMasksRequest(_message.Message):
    __slots__ = ("image", "queries", "prompts")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    PROMPTS_FIELD_NUMBER: _ClassVar[int]
    image: _image_encoder_pb2.EncodedImage
    queries: _containers.RepeatedCompositeFieldContainer[MaskQuery]
    prompts: _prompt_encoder_pb2.EncodedPrompts
    def __init__(self, image: _Optional[_Union[_image_encoder_pb2.EncodedImage, _Mapping]] = ..., queries: _Optional[_Iterable[_Union[MaskQuery, _Mapping]]] = ..., prompts: _Optional[_Union[_prompt_encoder_pb2.EncodedPrompts, _Mapping]] = ...) -> None: ...

class MaskQuery(_message.Message):
    __slots__ = ("seg_state", "region_index", "counted", "clicks")
    SEG_STATE_FIELD_NUMBER: _ClassVar[int]
    REGION_INDEX_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    CLICKS_FIELD_NUMBER: _ClassVar[int]
    seg_state: _tensor_pb2.TensorRef
    region_index: int
    counted: bool
    clicks: _containers.RepeatedCompositeFieldContainer[_geometry_pb2.Point]
    def __init__(self, seg_state: _Optional[_Union[_tensor_pb2.TensorRef, _Mapping]] = ..., region_index: _Optional[int] = ..., counted: _Optional[bool] = ..., clicks: _Optional[_Iterable[_Union[_geometry_pb2.Point, _Mapping]]] = ...) -> None: ...

class DecodeMasksResponse(_message.Message):
    __slots__ = ("masks", "version", "closer_window")
    MASKS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CLOSER_WINDOW_FIELD_NUMBER: _ClassVar[int]
    masks: _containers.RepeatedCompositeFieldContainer[DecodedMask]
    version: str
    closer_window: _geometry_pb2.Window
    def __init__(self, masks: _Optional[_Iterable[_Union[DecodedMask, _Mapping]]] = ..., version: _Optional[str] = ..., closer_window: _Optional[_Union[_geometry_pb2.Window, _Mapping]] = ...) -> None: ...

class DecodedMask(_message.Message):
    __slots__ = ("mask", "score", "box", "area_px", "instances")
    MASK_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    AREA_PX_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    mask: _geometry_pb2.RleMask
    score: float
    box: _geometry_pb2.Box
    area_px: int
    instances: _containers.RepeatedCompositeFieldContainer[Instance]
    def __init__(self, mask: _Optional[_Union[_geometry_pb2.RleMask, _Mapping]] = ..., score: _Optional[float] = ..., box: _Optional[_Union[_geometry_pb2.Box, _Mapping]] = ..., area_px: _Optional[int] = ..., instances: _Optional[_Iterable[_Union[Instance, _Mapping]]] = ...) -> None: ...

class Instance(_message.Message):
    __slots__ = ("box", "score")
    BOX_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    box: _geometry_pb2.Box
    score: float
    def __init__(self, box: _Optional[_Union[_geometry_pb2.Box, _Mapping]] = ..., score: _Optional[float] = ...) -> None: ...
