"""The work of every task of the language, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from services.orchestrator.task_work.context import TaskWork
from services.orchestrator.task_work.finding import detect, segment, segment_regions
from services.orchestrator.task_work.image_questions import (
    answer,
    caption,
    classify_scene,
    grounded_caption,
)
from services.orchestrator.task_work.map_data import export_csv, export_geojson
from services.orchestrator.task_work.pictures import export_masks, render
from services.orchestrator.task_work.region_questions import (
    caption_regions,
    classify_regions,
    relate,
)
from services.orchestrator.task_work.region_tasks import count, keep, measure, merge, sort
from services.orchestrator.task_work.report import export_report
from services.orchestrator.task_work.scene_files import export_geopackage, export_mask_cog
from services.orchestrator.task_work.stac import export_stac
from services.orchestrator.task_work.tiling import tile
from services.orchestrator.task_work.view_tasks import compare, match, zoom

TASK_WORK: Mapping[str, TaskWork] = MappingProxyType(
    {
        "classify_scene": classify_scene,
        "caption": caption,
        "answer": answer,
        "classify_regions": classify_regions,
        "caption_regions": caption_regions,
        "relate": relate,
        "detect": detect,
        "segment": segment,
        "segment_regions": segment_regions,
        "grounded_caption": grounded_caption,
        "tile": tile,
        "zoom": zoom,
        "compare": compare,
        "match": match,
        "filter": keep,
        "sort": sort,
        "merge": merge,
        "count": count,
        "measure": measure,
        "render": render,
        "export_geojson": export_geojson,
        "export_geopackage": export_geopackage,
        "export_masks": export_masks,
        "export_mask_cog": export_mask_cog,
        "export_csv": export_csv,
        "export_report": export_report,
        "export_stac": export_stac,
    }
)
