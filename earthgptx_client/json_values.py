"""JSON values on the wire (google.protobuf.Value) and in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import ListValue, NullValue, Struct, Value

from earthgptx_client.errors import invalid_input
from earthgptx_client.events import ImageInfo
from protos.earthgptx.v1.workflow_definition_pb2 import WorkflowDefinition


def to_wire(value: Any, field: str) -> Value:
    """A value of Python as a message; an uploaded image is its id.

    Raises:
        ClientError: JSON has no such value; names `field`.
    """
    match value:
        case None:
            return Value(null_value=NullValue.NULL_VALUE)
        case bool():
            return Value(bool_value=value)
        case int() | float():
            return Value(number_value=value)
        case str():
            return Value(string_value=value)
        case ImageInfo():
            return Value(string_value=value.image_id)
        case Mapping():
            members = {str(k): to_wire(each, f"{field}.{k}") for k, each in value.items()}
            return Value(struct_value=Struct(fields=members))
        case Sequence() if not isinstance(value, bytes):
            items = [to_wire(each, f"{field}[{i}]") for i, each in enumerate(value)]
            return Value(list_value=ListValue(values=items))
    raise invalid_input(f"{field} is a {type(value).__name__}", field, "JSON, or uploaded images")


def from_wire(message: Value | WorkflowDefinition) -> Any:
    """A message as a value of Python; whole numbers are `int`."""
    return _exact(MessageToDict(message, preserving_proto_field_name=True))


def _exact(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: _exact(each) for name, each in value.items()}
        case list():
            return [_exact(each) for each in value]
    return value
