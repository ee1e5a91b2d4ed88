"""All files of one scene, into one folder, under one name."""

from __future__ import annotations

import errno
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from earthgptx.exports.geojson import write_geojson
from earthgptx.exports.geopackage import write_geopackage
from earthgptx.exports.mask_cog import write_mask_cog
from earthgptx.exports.model_facts import ModelFacts
from earthgptx.exports.overlay import write_overlay
from earthgptx.exports.report import report_html, report_markdown, write_text
from earthgptx.exports.stac_item import write_stac_item
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.polygons import DEFAULT_TOLERANCE_PX
from earthgptx.scenes.interpret import SceneResult
from earthgptx.scenes.scene import Scene

# Kind of file: how its name ends. The STAC item is the last: it has the others' checksums.
FILES = {
    "geojson": ".objects.geojson",
    "geopackage": ".objects.gpkg",
    "mask": ".mask.tif",
    "overlay": ".overlay.png",
    "report-markdown": ".report.md",
    "report-html": ".report.html",
    "stac": ".stac.json",
}


def export_scene(
    result: SceneResult,
    scene: Scene,
    model: ModelFacts,
    folder: Path,
    *,
    name: str = "",
    kinds: Collection[str] = tuple(FILES),
    tolerance_px: float = DEFAULT_TOLERANCE_PX,
    made_at: datetime | None = None,
    overwrite: bool = False,
) -> dict[str, Path]:
    """Writes what was found; each file appears whole or not at all.

    Args:
        result: what was found.
        scene: the scene, open.
        model: what found it.
        folder: where to; made if it is not there.
        name: what the files' names begin with; empty: the scene's, without its ending.
        kinds: keys of ``FILES``.
        tolerance_px: how far an outline may move; 0 keeps every corner.
        made_at: when, with a time zone; None: now.
        overwrite: replace files of these names. The scene itself is never replaced.

    Returns:
        The files by kind.

    Raises:
        FileExistsError: one of them is there already (two scenes of one name, say); none is
            written then.
        ImageryError: an unknown kind (field "kinds"), a name with a folder in it, or one that
            would replace the scene (field "name").
        OSError: a file cannot be written; those before it stay.
    """
    targets = _targets(scene, folder, name or scene.path.stem, kinds)
    taken = [path for path in targets.values() if path.exists()]
    if taken and not overwrite:
        raise FileExistsError(
            errno.EEXIST, "exists; say that it may be overwritten, or give a name", str(taken[0])
        )
    folder.mkdir(parents=True, exist_ok=True)
    made_at = made_at or datetime.now(UTC)
    others = {kind: path for kind, path in targets.items() if kind != "stac"}
    markdown = report_markdown(result, model, others, made_at)
    for kind, path in targets.items():
        match kind:
            case "geojson":
                write_geojson(result, path, tolerance_px=tolerance_px, overwrite=overwrite)
            case "geopackage":
                write_geopackage(result, path, tolerance_px=tolerance_px, overwrite=overwrite)
            case "mask":
                write_mask_cog(result, scene, path, overwrite=overwrite)
            case "overlay":
                write_overlay(result, path, overwrite=overwrite)
            case "report-markdown":
                write_text(markdown, path, overwrite=overwrite)
            case "report-html":
                page = report_html(markdown, result.header.name)
                write_text(page, path, overwrite=overwrite)
            case "stac":
                write_stac_item(result, model, others, path, made_at=made_at, overwrite=overwrite)
    return targets


def _targets(scene: Scene, folder: Path, name: str, kinds: Collection[str]) -> dict[str, Path]:
    unknown = sorted(set(kinds) - set(FILES))
    if unknown:
        raise ImageryError("kinds", f"hold {', '.join(unknown)}", ", ".join(FILES))
    if name in ("", ".", "..") or Path(name).name != name:
        raise ImageryError("name", f"is {name!r}", "a name without folders")
    targets = {kind: folder / (name + FILES[kind]) for kind in FILES if kind in kinds}
    replaced = [path.name for path in targets.values() if path.resolve() == scene.path.resolve()]
    if replaced:
        raise ImageryError("name", f"would replace the scene {replaced[0]}", "another name")
    return targets
