from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UploadImageRequest(_message.Message):
    __slots__ = ("header", "chunk")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    header: UploadHeader
    chunk: bytes
    def __init__(self, header: _Optional[_Union[UploadHeader, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class UploadHeader(_message.Message):
    __slots__ = ("file_name", "size_bytes")
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    file_name: str
    size_bytes: int
    def __init__(self, file_name: _Optional[str] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class UploadImageResponse(_message.Message):
    __slots__ = ("image",)
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    image: ImageInfo
    def __init__(self, image: _Optional[_Union[ImageInfo, _Mapping]] = ...) -> None: ...

class GetImageRequest(_message.Message):
    __slots__ = ("image_id",)
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    image_id: str
    def __init__(self, image_id: _Optional[str] = ...) -> None: ...

class GetImageResponse(_message.Message):
    __slots__ = ("image",)
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    image: ImageInfo
    def __init__(self, image: _Optional[_Union[ImageInfo, _Mapping]] = ...) -> None: ...

class DeleteImageRequest(_message.Message):
    __slots__ = ("image_id",)
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    image_id: str
    def __init__(self, image_id: _Optional[str] = ...) -> None: ...

class DeleteImageResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BeginUploadRequest(_message.Message):
    __slots__ = ("size_bytes", "file_name", "idempotency_key")
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    size_bytes: int
    file_name: str
    idempotency_key: str
    def __init__(self, size_bytes: _Optional[int] = ..., file_name: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class BeginUploadResponse(_message.Message):
    __slots__ = ("upload",)
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    upload: UploadInfo
    def __init__(self, upload: _Optional[_Union[UploadInfo, _Mapping]] = ...) -> None: ...

class UploadPartRequest(_message.Message):
    __slots__ = ("header", "chunk")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    header: PartHeader
    chunk: bytes
    def __init__(self, header: _Optional[_Union[PartHeader, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class PartHeader(_message.Message):
    __slots__ = ("upload_id", "number")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    number: int
    def __init__(self, upload_id: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class UploadPartResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetUploadRequest(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class GetUploadResponse(_message.Message):
    __slots__ = ("upload",)
    UPLOAD_FIELD_NUMBER: _ClassVar[int]
    upload: UploadInfo
    def __init__(self, upload: _Optional[_Union[UploadInfo, _Mapping]] = ...) -> None: ...

class CompleteUploadRequest(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class CompleteUploadResponse(_message.Message):
    __slots__ = ("image",)
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    image: ImageInfo
    def __init__(self, image: _Optional[_Union[ImageInfo, _Mapping]] = ...) -> None: ...

class AbortUploadRequest(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class AbortUploadResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UploadInfo(_message.Message):
    __slots__ = ("upload_id", "size_bytes", "part_size_bytes", "part_count", "expires_at_ms", "missing_parts", "image_id")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PART_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PART_COUNT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    MISSING_PARTS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    size_bytes: int
    part_size_bytes: int
    part_count: int
    expires_at_ms: int
    missing_parts: _containers.RepeatedCompositeFieldContainer[MissingPart]
    image_id: str
    def __init__(self, upload_id: _Optional[str] = ..., size_bytes: _Optional[int] = ..., part_size_bytes: _Optional[int] = ..., part_count: _Optional[int] = ..., expires_at_ms: _Optional[int] = ..., missing_parts: _Optional[_Iterable[_Union[MissingPart, _Mapping]]] = ..., image_id: _Optional[str] = ...) -> None: ...

class MissingPart(_message.Message):
    __slots__ = ("number", "url")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    number: int
    url: str
    def __init__(self, number: _Optional[int] = ..., url: _Optional[str] = ...) -> None: ...

class ImageInfo(_message.Message):
    __slots__ = ("image_id", "width_px", "height_px", "band_count", "format", "band_dtype", "size_bytes", "crs", "gsd_m", "expires_at_ms", "by_window")
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    BAND_COUNT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    BAND_DTYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CRS_FIELD_NUMBER: _ClassVar[int]
    GSD_M_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    BY_WINDOW_FIELD_NUMBER: _ClassVar[int]
    image_id: str
    width_px: int
    height_px: int
    band_count: int
    format: str
    band_dtype: str
    size_bytes: int
    crs: str
    gsd_m: float
    expires_at_ms: int
    by_window: bool
    def __init__(self, image_id: _Optional[str] = ..., width_px: _Optional[int] = ..., height_px: _Optional[int] = ..., band_count: _Optional[int] = ..., format: _Optional[str] = ..., band_dtype: _Optional[str] = ..., size_bytes: _Optional[int] = ..., crs: _Optional[str] = ..., gsd_m: _Optional[float] = ..., expires_at_ms: _Optional[int] = ..., by_window: _Optional[bool] = ...) -> None: ...
