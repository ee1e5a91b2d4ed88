"""JSON values on the wire (google.protobuf.Value) and in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.struct_pb2 import ListValue, NullValue, Struct, Value

from earthgptx_client.errors import invalid_input
from earthgptx_client.events import ImageInfo


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


def from_wire(message: Value) -> Any:
    """A message as a value of Python; whole numbers are `int`."""
    match message.WhichOneof("kind"):
        case "bool_value":
            return message.bool_value
        case "number_value":
            number = message.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return message.string_value
        case "struct_value":
            return {name: from_wire(each) for name, each in message.struct_value.fields.items()}
        case "list_value":
            return [from_wire(each) for each in message.list_value.values]
    return None
