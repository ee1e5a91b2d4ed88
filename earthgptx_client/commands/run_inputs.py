"""--input NAME=VALUE of `workflow run`: read by the type that the workflow declares for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from earthgptx_client.envi_files import is_envi_header
from earthgptx_client.errors import ClientError, invalid_input
from earthgptx_client.events import ImageInfo

IMAGE_TYPES = ("scene", "image")
IMAGE_ID_PREFIX = "sha256:"
# A folder given for a list of images stands for these files in it, by name; of ENVI the headers.
IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".jp2", ".ntf", ".nitf", ".nsf"}
)
_LIST_OF = "list of "

Upload = Callable[[str], ImageInfo]


def read_inputs(given: Sequence[str], types: Mapping[str, str], upload: Upload) -> dict[str, Any]:
    """The inputs of a run as JSON values.

    A scene or image is an id, or a file that is uploaded; a list of them is one of these, a folder,
    or a list `[a.png, b.png]`, and may be given in several parts. A text stands for itself. All
    else is YAML or JSON, or `@FILE` with it.

    Args:
        given: as on the command line, "NAME=VALUE".
        types: of the inputs of the workflow, by name.
        upload: stores an image file.

    Raises:
        ClientError: an unknown input, a value that cannot be read, an image that is refused.
    """
    inputs: dict[str, Any] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals:
            raise invalid_input("is not NAME=VALUE", f"inputs.{name}")
        if name not in types:
            there = ", ".join(types) or "none"
            raise invalid_input(f"the workflow has no such input; it has {there}", f"inputs.{name}")
        value = _read(text, types[name], f"inputs.{name}", upload)
        if name in inputs and types[name].startswith(_LIST_OF):
            inputs[name] += value
        elif name in inputs:
            raise invalid_input("is given twice", f"inputs.{name}")
        else:
            inputs[name] = value
    return inputs


def _read(text: str, kind: str, field: str, upload: Upload) -> Any:
    if kind == "text":
        return text
    if kind in IMAGE_TYPES:
        return _image(text, field, upload)
    of_images = kind.removeprefix(_LIST_OF) in IMAGE_TYPES
    if of_images and not text.startswith("["):
        return [_image(each, field, upload) for each in _files_of(text)]
    value = _structured(text, field)
    if of_images and isinstance(value, list):
        return [_image(each, field, upload) if isinstance(each, str) else each for each in value]
    return value


def _files_of(text: str) -> Iterator[str]:
    folder = Path(text)
    if not folder.is_dir():
        yield text
        return
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in IMAGE_SUFFIXES or _stands_for_envi(path):
            yield str(path)


def _stands_for_envi(path: Path) -> bool:
    """Whether it is a header of raw pixels; ENVI puts one beside images as well."""
    if path.suffix.lower() != ".hdr" or not is_envi_header(path):
        return False
    return not any(path.with_suffix(suffix).is_file() for suffix in IMAGE_SUFFIXES)


def _image(text: str, field: str, upload: Upload) -> str:
    if text.startswith(IMAGE_ID_PREFIX):
        return text
    if not Path(text).is_file():
        raise invalid_input(f"no such file: {text}", field)
    try:
        return upload(text).image_id
    except ClientError as error:
        # Which of several it is.
        error.message, error.field = f"{text}: {error.message}", field
        raise


def _structured(text: str, field: str) -> Any:
    # Imported here: the other subcommands start faster without the language.
    from workflow_language import WorkflowInvalid
    from workflow_language.document import LIMIT_BYTES, read_document

    content: str | bytes = text
    if text.startswith("@"):
        with Path(text[1:]).open("rb") as file:
            content = file.read(LIMIT_BYTES + 1)
    try:
        return read_document(content).value
    except WorkflowInvalid as error:
        raise invalid_input(str(error.diagnostics[0]), field) from None
