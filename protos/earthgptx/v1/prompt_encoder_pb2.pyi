from protos.earthgptx.v1 import geometry_pb2 as _geometry_pb2
from protos.earthgptx.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EncodePromptsRequest(_message.Message):
    __slots__ = ("tenant", "regions", "window", "image_width_px", "image_height_px")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    REGIONS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    IMAGE_WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    IMAGE_HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    regions: _containers.RepeatedCompositeFieldContainer[_geometry_pb2.Region]
    window: _geometry_pb2.Window
    image_width_px: int
    image_height_px: int
    def __init__(self, tenant: _Optional[str] = ..., regions: _Optional[_Iterable[_Union[_geometry_pb2.Region, _Mapping]]] = ..., window: _Optional[_Union[_geometry_pb2.Window, _Mapping]] = ..., image_width_px: _Optional[int] = ..., image_height_px: _Optional[int] = ...) -> None: ...

class EncodePromptsResponse(_message.Message):
    __slots__ = ("encoded",)
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    encoded: EncodedPrompts
    def __init__(self, encoded: _Optional[_Union[EncodedPrompts, _Mapping]] = ...) -> None: ...

class EncodedPrompts(_message.Message):
    __slots__ = ("map_tokens", "region_tokens", "region_weights", "region_count", "version", "region_places")
    MAP_TOKENS_FIELD_NUMBER: _ClassVar[int]
    REGION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    REGION_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    REGION_COUNT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REGION_PLACES_FIELD_NUMBER: _ClassVar[int]
    map_tokens: _tensor_pb2.TensorRef
    region_tokens: _tensor_pb2.TensorRef
    region_weights: _tensor_pb2.TensorRef
    region_count: int
    version: str
    region_places: _tensor_pb2.TensorRef
    def __init__(self, map_tokens: _Optional[_Union[_tensor_pb2.TensorRef, _Mapping]] = ..., region_tokens: _Optional[_Union[_tensor_pb2.TensorRef, _Mapping]] = ..., region_weights: _Optional[_Union[_tensor_pb2.TensorRef, _Mapping]] = ..., region_count: _Optional[int] = ..., version: _Optional[str] = ..., region_places: _Optional[_Union[_tensor_pb2.TensorRef, _Mapping]] = ...) -> None: ...
