from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Modality(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODALITY_UNSPECIFIED: _ClassVar[Modality]
    MODALITY_OPTICAL: _ClassVar[Modality]
    MODALITY_SAR: _ClassVar[Modality]
    MODALITY_INFRARED: _ClassVar[Modality]
MODALITY_UNSPECIFIED: Modality
MODALITY_OPTICAL: Modality
MODALITY_SAR: Modality
MODALITY_INFRARED: Modality

class Point(_message.Message):
    __slots__ = ("x_px", "y_px")
    X_PX_FIELD_NUMBER: _ClassVar[int]
    Y_PX_FIELD_NUMBER: _ClassVar[int]
    x_px: float
    y_px: float
    def __init__(self, x_px: _Optional[float] = ..., y_px: _Optional[float] = ...) -> None: ...

class Box(_message.Message):
    __slots__ = ("x0_px", "y0_px", "x1_px", "y1_px")
    X0_PX_FIELD_NUMBER: _ClassVar[int]
    Y0_PX_FIELD_NUMBER: _ClassVar[int]
    X1_PX_FIELD_NUMBER: _ClassVar[int]
    Y1_PX_FIELD_NUMBER: _ClassVar[int]
    x0_px: float
    y0_px: float
    x1_px: float
    y1_px: float
    def __init__(self, x0_px: _Optional[float] = ..., y0_px: _Optional[float] = ..., x1_px: _Optional[float] = ..., y1_px: _Optional[float] = ...) -> None: ...

class Polygon(_message.Message):
    __slots__ = ("vertices",)
    VERTICES_FIELD_NUMBER: _ClassVar[int]
    vertices: _containers.RepeatedCompositeFieldContainer[Point]
    def __init__(self, vertices: _Optional[_Iterable[_Union[Point, _Mapping]]] = ...) -> None: ...

class Scribble(_message.Message):
    __slots__ = ("vertices", "width_px")
    VERTICES_FIELD_NUMBER: _ClassVar[int]
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    vertices: _containers.RepeatedCompositeFieldContainer[Point]
    width_px: float
    def __init__(self, vertices: _Optional[_Iterable[_Union[Point, _Mapping]]] = ..., width_px: _Optional[float] = ...) -> None: ...

class RleMask(_message.Message):
    __slots__ = ("height_px", "width_px", "counts")
    HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    height_px: int
    width_px: int
    counts: str
    def __init__(self, height_px: _Optional[int] = ..., width_px: _Optional[int] = ..., counts: _Optional[str] = ...) -> None: ...

class Mark(_message.Message):
    __slots__ = ("point", "box", "polygon", "scribble", "mask")
    POINT_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    POLYGON_FIELD_NUMBER: _ClassVar[int]
    SCRIBBLE_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    point: Point
    box: Box
    polygon: Polygon
    scribble: Scribble
    mask: RleMask
    def __init__(self, point: _Optional[_Union[Point, _Mapping]] = ..., box: _Optional[_Union[Box, _Mapping]] = ..., polygon: _Optional[_Union[Polygon, _Mapping]] = ..., scribble: _Optional[_Union[Scribble, _Mapping]] = ..., mask: _Optional[_Union[RleMask, _Mapping]] = ...) -> None: ...

class Region(_message.Message):
    __slots__ = ("marks",)
    MARKS_FIELD_NUMBER: _ClassVar[int]
    marks: _containers.RepeatedCompositeFieldContainer[Mark]
    def __init__(self, marks: _Optional[_Iterable[_Union[Mark, _Mapping]]] = ...) -> None: ...

class Window(_message.Message):
    __slots__ = ("x0_px", "y0_px", "side_px")
    X0_PX_FIELD_NUMBER: _ClassVar[int]
    Y0_PX_FIELD_NUMBER: _ClassVar[int]
    SIDE_PX_FIELD_NUMBER: _ClassVar[int]
    x0_px: float
    y0_px: float
    side_px: float
    def __init__(self, x0_px: _Optional[float] = ..., y0_px: _Optional[float] = ..., side_px: _Optional[float] = ...) -> None: ...
