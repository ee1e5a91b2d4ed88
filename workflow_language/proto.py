"""A definition to its proto and back. The proto's JSON form is the language itself."""

from __future__ import annotations

from google.protobuf.json_format import MessageToDict, ParseDict

from protos.earthgptx.v1.workflow_definition_pb2 import WorkflowDefinition
from workflow_language.canonical import document_form
from workflow_language.definition import Definition
from workflow_language.document import Document
from workflow_language.plain_values import document_of


def to_proto(definition: Definition) -> WorkflowDefinition:
    """The definition as a message."""
    return ParseDict(document_form(definition), WorkflowDefinition())


def from_proto(message: WorkflowDefinition) -> Document:
    """The message as a document, to be compiled: nothing in it has been checked.

    Raises:
        WorkflowInvalid: it is nested too deep, or has a number that is too large.
    """
    return document_of(MessageToDict(message, preserving_proto_field_name=True))
