import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from tests.contract.contract_fields import GOLDEN, contract_fields
from tests.contract.tree import ROOT


def stale_stubs() -> list[str]:
    path = ROOT / "scripts" / "generate_stubs.py"
    spec = importlib.util.spec_from_file_location("generate_stubs", path)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    found: list[str] = script.stale_stubs()
    return found


def test_the_stubs_are_those_of_the_protos() -> None:
    assert stale_stubs() == []


# What a comment says where it says how the field is when nothing is said in it.
ABSENCE = re.compile(
    r"\b(empty|absent|none|false|true|always set|must be set|greater than|from 1)\b"
    r"|_UNSPECIFIED\b|(?<![\d.,])\b0\b(?! to\b|\.[.\d])",
    re.IGNORECASE,
)


def undocumented(file: FileDescriptorProto) -> Iterator[str]:
    """Messages, enums, methods and fields without a comment; values of enums say it by name."""
    told = {tuple(at.path) for at in file.source_code_info.location if at.leading_comments}
    for i, message in enumerate(file.message_type):
        yield from [] if (4, i) in told else [message.name]
        for j, field in enumerate(message.field):
            yield from [] if (4, i, 2, j) in told else [f"{message.name}.{field.name}"]
    for i, enum in enumerate(file.enum_type):
        yield from [] if (5, i) in told else [enum.name]
    for i, service in enumerate(file.service):
        for j, method in enumerate(service.method):
            yield from [] if (6, i, 2, j) in told else [f"{service.name}.{method.name}"]


def silent_on_absence(file: FileDescriptorProto) -> Iterator[str]:
    """Fields whose comment does not tell what is meant if they are not set; of a oneof one is."""
    told = {tuple(at.path): at.leading_comments for at in file.source_code_info.location}
    for i, message in enumerate(file.message_type):
        for j, field in enumerate(message.field):
            of_oneof = field.HasField("oneof_index") and not field.proto3_optional
            if not of_oneof and not ABSENCE.search(told.get((4, i, 2, j), "")):
                yield f"{message.name}.{field.name}"


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> list[FileDescriptorProto]:
    """Every proto with its comments."""
    out = tmp_path_factory.mktemp("protos") / "protos.bin"
    sources = [str(path.relative_to(ROOT)) for path in (ROOT / "protos").rglob("*.proto")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", "--include_source_info"]
    subprocess.run([*command, f"--descriptor_set_out={out}", *sources], cwd=ROOT, check=True)
    files = list(FileDescriptorSet.FromString(out.read_bytes()).file)
    assert len(files) == len(sources)
    return files


def test_every_message_method_and_field_is_documented(
    described: list[FileDescriptorProto],
) -> None:
    assert [name for file in described for name in undocumented(file)] == []


def test_every_field_tells_its_absence(described: list[FileDescriptorProto]) -> None:
    assert [name for file in described for name in silent_on_absence(file)] == []


def test_no_released_field_changed_its_name_or_type() -> None:
    released = json.loads(GOLDEN.read_text())
    present = contract_fields()
    changed = {
        f"{name}.{number}": (described, present.get(name, {}).get(number))
        for name, members in released.items()
        for number, described in members.items()
        if present.get(name, {}).get(number) != described
    }
    assert changed == {}


def test_every_field_is_recorded_in_the_golden() -> None:
    released = json.loads(GOLDEN.read_text())
    new = {
        f"{name}.{number}"
        for name, members in contract_fields().items()
        for number in members
        if number not in released.get(name, {})
    }
    assert new == set(), "record them: python -m tests.contract.contract_fields"


def test_every_enum_begins_with_an_unspecified_zero() -> None:
    zeros = [
        members["0"]
        for members in contract_fields().values()
        if "0" in members and ": " not in members["0"]
    ]
    assert zeros
    assert [name for name in zeros if not name.endswith("_UNSPECIFIED")] == []


def test_every_request_and_response_belongs_to_one_method() -> None:
    used: list[str] = []
    for name, members in contract_fields().items():
        for method, types in members.items():
            if " -> " in types:
                used += [part.removeprefix("stream ") for part in types.split(" -> ")]
                assert types.split(" -> ")[0].endswith(f"{method}Request"), name
    assert len(used) == len(set(used))


def test_every_folder_of_protos_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "protos").rglob("*.proto")}
    parents = {parent for folder in folders for parent in (folder, *folder.parents)}
    inside = [folder for folder in parents if folder.is_relative_to(ROOT / "protos")]
    assert [str(f) for f in inside if not (Path(f) / "__init__.py").exists()] == []
