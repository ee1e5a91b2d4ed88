"""The wire contract as plain data: `python -m tests.contract.contract_fields` rewrites the golden.

A field's number, name and type, an enum's numbers and a method's types must not change once
released; new ones are added to the golden by running this.
"""

import importlib
import json
from pathlib import Path

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor

from tests.contract.tree import ROOT, module_name

GOLDEN = Path(__file__).parent / "golden" / "earthgptx_v1.json"
Fields = dict[str, dict[str, str]]

TYPE_NAMES = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}


def contract_fields() -> Fields:
    """Full name of every message, enum and service to its numbered members."""
    described: Fields = {}
    for path in sorted((ROOT / "protos/earthgptx/v1").glob("*_pb2.py")):
        file: FileDescriptor = importlib.import_module(module_name(path)).DESCRIPTOR
        for message in file.message_types_by_name.values():
            describe_message(message, described)
        for enum in file.enum_types_by_name.values():
            describe_enum(enum, described)
        for service in file.services_by_name.values():
            described[service.full_name] = {
                method.name: f"{arrow(method.client_streaming)}{method.input_type.full_name} -> "
                f"{arrow(method.server_streaming)}{method.output_type.full_name}"
                for method in service.methods
            }
    return described


def arrow(streaming: bool) -> str:
    """Prefix of a streamed side."""
    return "stream " if streaming else ""


def describe_message(message: Descriptor, described: Fields) -> None:
    """Add a message and what is declared inside it."""
    described[message.full_name] = {str(f.number): describe_field(f) for f in message.fields}
    for nested in message.nested_types:
        describe_message(nested, described)
    for enum in message.enum_types:
        describe_enum(enum, described)


def describe_enum(enum: EnumDescriptor, described: Fields) -> None:
    """Add an enum."""
    described[enum.full_name] = {str(value.number): value.name for value in enum.values}


def describe_field(field: FieldDescriptor) -> str:
    """Name, label and type of a field, e.g. `boxes: repeated earthgptx.v1.Box`."""
    declared = field.message_type or field.enum_type
    kind = declared.full_name if declared else TYPE_NAMES[field.type]
    oneof = f" in {field.containing_oneof.name}" if field.containing_oneof else ""
    return f"{field.name}: {'repeated ' if field.is_repeated else ''}{kind}{oneof}"


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(contract_fields(), indent=1) + "\n")
