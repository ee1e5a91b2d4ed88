"""Uploaded images: the record kept beside each file, and how it is found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from shared.errors import NotFound
from shared.messages.json_codec import CodecError, from_json
from shared.tensors.ref import TensorRef
from shared.tensors.store import TensorStore
from workflow_language.values import SceneView


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """What is known of an image without looking at its pixels again.

    Attributes:
        format: "PNG", "JPEG", "GTiff" or "TIFF"; of what is read by window also "JP2OpenJPEG",
            "NITF" or "ENVI".
        width_px: As stored.
        height_px: As stored.
        band_count: Without alpha.
        band_dtype: Element type of a band.
        size_bytes: Of the file.
        crs: "EPSG:<code>" or WKT; empty if there is none.
        gsd_m: Ground sampling distance; 0 if not known.
        transform: Pixels to coordinates of the crs, six numbers; empty if there is none.
        shown_as_is: Whether its bands go to the model unchanged, whatever the modality.
        by_window: Whether it is read by window only: the stages, which decode all of an image, are
            shown parts cut from it.
        has_gaps: Whether it has pixels without data; not told of what is read by window.
        valid_counts: Of a part that was cut: run-length code of where it has data; empty where
            everywhere.
    """

    format: str
    width_px: int
    height_px: int
    band_count: int
    band_dtype: str
    size_bytes: int
    crs: str
    gsd_m: float
    transform: tuple[float, ...]
    shown_as_is: bool
    by_window: bool = False
    has_gaps: bool = False
    valid_counts: str = ""

    def header_fields(self) -> dict[str, Any]:
        """The attributes of imagery's `ImageHeader`, which this package does not know."""
        return {
            "format": self.format,
            "width_px": self.width_px,
            "height_px": self.height_px,
            "band_count": self.band_count,
            "band_dtype": self.band_dtype,
            "size_bytes": self.size_bytes,
            "crs": self.crs,
            "gsd_m": self.gsd_m,
            "transform": self.transform or None,
        }


@dataclass(frozen=True, slots=True)
class KeptImage:
    """An image that is there: the claim on its file, and what is known of it."""

    ref: TensorRef
    record: ImageRecord

    @property
    def image_id(self) -> str:
        """Id of the image: "sha256:<hex>" of the file's bytes."""
        return self.ref.digest


def scene_of(image: KeptImage) -> SceneView:
    """The whole image as a value of a workflow."""
    record = image.record
    return SceneView(
        image.image_id,
        record.width_px,
        record.height_px,
        gsd_m=record.gsd_m or None,
        georeferenced=bool(record.transform),
    )


def find_image(store: TensorStore, image_id: str, tenant: str) -> KeptImage:
    """The image of that id.

    Raises:
        NotFound: The tenant has none; says the same whether or not another tenant has.
        StageUnavailable: The object store cannot be reached.
    """
    ref = store.image_ref(image_id, tenant=tenant)
    description = store.image_description(image_id, tenant=tenant)
    try:
        return KeptImage(ref, from_json(ImageRecord, json.dumps(description)))
    except CodecError:
        # Its description was lost or is another version's: uploading it again mends it.
        raise NotFound("there is no such image", field="image_id") from None
