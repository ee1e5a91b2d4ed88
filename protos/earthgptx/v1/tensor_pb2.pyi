from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TensorTier(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TENSOR_TIER_UNSPECIFIED: _ClassVar[TensorTier]
    TENSOR_TIER_INLINE: _ClassVar[TensorTier]
    TENSOR_TIER_SHARED_MEMORY: _ClassVar[TensorTier]
    TENSOR_TIER_REDIS: _ClassVar[TensorTier]
    TENSOR_TIER_OBJECT_STORE: _ClassVar[TensorTier]

class TensorDtype(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TENSOR_DTYPE_UNSPECIFIED: _ClassVar[TensorDtype]
    TENSOR_DTYPE_U8: _ClassVar[TensorDtype]
    TENSOR_DTYPE_I32: _ClassVar[TensorDtype]
    TENSOR_DTYPE_I64: _ClassVar[TensorDtype]
    TENSOR_DTYPE_F16: _ClassVar[TensorDtype]
    TENSOR_DTYPE_BF16: _ClassVar[TensorDtype]
    TENSOR_DTYPE_F32: _ClassVar[TensorDtype]
TENSOR_TIER_UNSPECIFIED: TensorTier
TENSOR_TIER_INLINE: TensorTier
TENSOR_TIER_SHARED_MEMORY: TensorTier
TENSOR_TIER_REDIS: TensorTier
TENSOR_TIER_OBJECT_STORE: TensorTier
TENSOR_DTYPE_UNSPECIFIED: TensorDtype
TENSOR_DTYPE_U8: TensorDtype
TENSOR_DTYPE_I32: TensorDtype
TENSOR_DTYPE_I64: TensorDtype
TENSOR_DTYPE_F16: TensorDtype
TENSOR_DTYPE_BF16: TensorDtype
TENSOR_DTYPE_F32: TensorDtype

class TensorRef(_message.Message):
    __slots__ = ("tenant", "key", "tier", "dtype", "shape", "size_bytes", "digest", "expires_at_ms", "host", "signature", "inline_data")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    INLINE_DATA_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    key: str
    tier: TensorTier
    dtype: TensorDtype
    shape: _containers.RepeatedScalarFieldContainer[int]
    size_bytes: int
    digest: str
    expires_at_ms: int
    host: str
    signature: bytes
    inline_data: bytes
    def __init__(self, tenant: _Optional[str] = ..., key: _Optional[str] = ..., tier: _Optional[_Union[TensorTier, str]] = ..., dtype: _Optional[_Union[TensorDtype, str]] = ..., shape: _Optional[_Iterable[int]] = ..., size_bytes: _Optional[int] = ..., digest: _Optional[str] = ..., expires_at_ms: _Optional[int] = ..., host: _Optional[str] = ..., signature: _Optional[bytes] = ..., inline_data: _Optional[bytes] = ...) -> None: ...
