"""A broken record names its file and itself; who reads decides whether that ends the reading."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tarfile import TarError
from typing import Any, TypeVar
from xml.etree import ElementTree

from earthgptx.data.coco_folder import DataError

Report = Callable[[DataError], None]
"""Called with each broken record: raise it (``refuse``), or keep it and the record is left out."""

Item = TypeVar("Item")
Made = TypeVar("Made")


def refuse(fault: DataError) -> None:
    """The strict report.

    Raises:
        DataError: always.
    """
    raise fault


@contextmanager
def named(path: Path, record: str) -> Iterator[None]:
    """Whatever is wrong with a record becomes a ``DataError`` that says where."""
    try:
        yield
    except DataError as error:
        # What lies in the same file has said so already.
        if str(error).startswith(f"{path}: "):
            raise
        raise DataError(f"{path}: {record}: {error}") from error
    except KeyError as error:
        raise DataError(f"{path}: {record}: {error} is missing") from error
    except (ValueError, TypeError, IndexError, AttributeError, OSError, TarError) as error:
        raise DataError(f"{path}: {record}: {error}") from error


def each(items: Iterable[Item], make: Callable[[Item], Made], report: Report) -> Iterator[Made]:
    """``make`` of every item; what it refuses is reported and left out."""
    for item in items:
        try:
            made = make(item)
        except DataError as fault:
            report(fault)
            continue
        yield made


def objects(value: Any) -> list[dict[str, Any]]:
    """``value`` as a list of JSON objects.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError("no list of objects")
    return value


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        DataError: missing, or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from error


def read_xml(path: Path) -> ElementTree.Element:
    """The root of an XML file; expat refuses entities that expand without bound.

    Raises:
        DataError: missing, or no XML.
    """
    try:
        return ElementTree.parse(path).getroot()
    except (OSError, ValueError, ElementTree.ParseError) as error:
        raise DataError(f"{path}: {error}") from error


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The lines that hold something, stripped, with their numbers from 1.

    Raises:
        DataError: missing, or not UTF-8.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from error
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]


def first_sign(path: Path) -> str:
    """The first character that is no space; empty where there is none, or no file."""
    try:
        with path.open("rb") as stream:
            return stream.read(64).decode("utf-8-sig", "ignore").lstrip()[:1]
    except OSError:
        return ""
