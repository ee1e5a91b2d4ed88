from protos.earthgptx.v1 import geometry_pb2 as _geometry_pb2
from protos.earthgptx.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EncodeImageRequest(_message.Message):
    __slots__ = ("image", "modality", "window")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    image: _tensor_pb2.TensorRef
    modality: _geometry_pb2.Modality
    window: _geometry_pb2.Window
    def __init__(self, image: _Optional[_Union[_tensor_pb2.TensorRef, _Mapping]] = ..., modality: _Optional[_Union[_geometry_pb2.Modality, str]] = ..., window: _Optional[_Union[_geometry_pb2.Window, _Mapping]] = ...) -> None: ...

class EncodeImageResponse(_message.Message):
    __slots__ = ("encoded", "from_cache")
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    FROM_CACHE_FIELD_NUMBER: _ClassVar[int]
    encoded: EncodedImage
    from_cache: bool
    def __init__(self, encoded: _Optional[_Union[EncodedImage, _Mapping]] = ..., from_cache: _Optional[bool] = ...) -> None: ...

class EncodedImage(_message.Message):
    __slots__ = ("grid", "pyramid", "window", "image_width_px", "image_height_px", "modality", "version", "band_note", "gaps")
    GRID_FIELD_NUMBER: _ClassVar[int]
    PYRAMID_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    IMAGE_WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    IMAGE_HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BAND_NOTE_FIELD_NUMBER: _ClassVar[int]
    GAPS_FIELD_NUMBER: _ClassVar[int]
    grid: _tensor_pb2.TensorRef
    pyramid: _containers.RepeatedCompositeFieldContainer[_tensor_pb2.TensorRef]
    window: _geometry_pb2.Window
    image_width_px: int
    image_height_px: int
    modality: _geometry_pb2.Modality
    version: str
    band_note: str
    gaps: _tensor_pb2.TensorRef
    def __init__(self, grid: _Optional[_Union[_tensor_pb2.TensorRef, _Mapping]] = ..., pyramid: _Optional[_Iterable[_Union[_tensor_pb2.TensorRef, _Mapping]]] = ..., window: _Optional[_Union[_geometry_pb2.Window, _Mapping]] = ..., image_width_px: _Optional[int] = ..., image_height_px: _Optional[int] = ..., modality: _Optional[_Union[_geometry_pb2.Modality, str]] = ..., version: _Optional[str] = ..., band_note: _Optional[str] = ..., gaps: _Optional[_Union[_tensor_pb2.TensorRef, _Mapping]] = ...) -> None: ...
