from protos.earthgptx.v1 import image_encoder_pb2 as _image_encoder_pb2
from protos.earthgptx.v1 import prompt_encoder_pb2 as _prompt_encoder_pb2
from protos.earthgptx.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FinishReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FINISH_REASON_UNSPECIFIED: _ClassVar[FinishReason]
    FINISH_REASON_STOP: _ClassVar[FinishReason]
    FINISH_REASON_LENGTH: _ClassVar[FinishReason]
FINISH_REASON_UNSPECIFIED: FinishReason
FINISH_REASON_STOP: FinishReason
FINISH_REASON_LENGTH: FinishReason

class GenerateRequest(_message.Message):
    __slots__ = ("image", "prompts", "question", "max_new_tokens", "adapter")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    PROMPTS_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    MAX_NEW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    ADAPTER_FIELD_NUMBER: _ClassVar[int]
    image: _image_encoder_pb2.EncodedImage
    prompts: _prompt_encoder_pb2.EncodedPrompts
    question: str
    max_new_tokens: int
    adapter: str
    def __init__(self, image: _Optional[_Union[_image_encoder_pb2.EncodedImage, _Mapping]] = ..., prompts: _Optional[_Union[_prompt_encoder_pb2.EncodedPrompts, _Mapping]] = ..., question: _Optional[str] = ..., max_new_tokens: _Optional[int] = ..., adapter: _Optional[str] = ...) -> None: ...

class GenerateResponse(_message.Message):
    __slots__ = ("text", "seg", "finish")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SEG_FIELD_NUMBER: _ClassVar[int]
    FINISH_FIELD_NUMBER: _ClassVar[int]
    text: TextDelta
    seg: SegState
    finish: Finish
    def __init__(self, text: _Optional[_Union[TextDelta, _Mapping]] = ..., seg: _Optional[_Union[SegState, _Mapping]] = ..., finish: _Optional[_Union[Finish, _Mapping]] = ...) -> None: ...

class TextDelta(_message.Message):
    __slots__ = ("text",)
    TEXT_FIELD_NUMBER: _ClassVar[int]
    text: str
    def __init__(self, text: _Optional[str] = ...) -> None: ...

class SegState(_message.Message):
    __slots__ = ("index", "state", "phrase", "counted")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PHRASE_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    index: int
    state: _tensor_pb2.TensorRef
    phrase: str
    counted: bool
    def __init__(self, index: _Optional[int] = ..., state: _Optional[_Union[_tensor_pb2.TensorRef, _Mapping]] = ..., phrase: _Optional[str] = ..., counted: _Optional[bool] = ...) -> None: ...

class Finish(_message.Message):
    __slots__ = ("reason", "prompt_tokens", "new_tokens", "version")
    REASON_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    NEW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    reason: FinishReason
    prompt_tokens: int
    new_tokens: int
    version: str
    def __init__(self, reason: _Optional[_Union[FinishReason, str]] = ..., prompt_tokens: _Optional[int] = ..., new_tokens: _Optional[int] = ..., version: _Optional[str] = ...) -> None: ...
