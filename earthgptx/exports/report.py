"""A report for people: what was looked at, how, and what was found. Markdown, and HTML made of it.

Names in it come from files and from a model: nothing of them is taken for markup.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from markdown_it import MarkdownIt

from earthgptx.exports.class_summary import summarise
from earthgptx.exports.markdown import plain, table
from earthgptx.exports.model_facts import ModelFacts
from earthgptx.scenes.header import SceneHeader
from earthgptx.scenes.interpret import SceneResult
from earthgptx.scenes.whole_file import whole_file

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.3rem .6rem}"
    "img{max-width:100%}"
)


def report_markdown(
    result: SceneResult, model: ModelFacts, files: Mapping[str, Path], made_at: datetime
) -> str:
    """The report in Markdown (CommonMark with tables).

    Args:
        result: what was found.
        model: what found it.
        files: what was written, by kind; an "overlay" is shown.
        made_at: when; with a time zone.
    """
    header, plan = result.header, result.plan
    looked = len(plan) - result.empty_tiles
    lines = [f"# {plain(header.name)}", ""]
    if result.description:
        lines += [plain(result.description), ""]
    if "overlay" in files:
        lines += [f"![what was found]({quote(files['overlay'].name)})", ""]
    lines += ["## Found", "", *_found(result), "", "## How it was looked at", ""]
    lines += table(
        ("", ""),
        (
            ("scene", _scene_in_words(header)),
            ("shown", result.overview.note or "bands as they are"),
            ("resampling", result.resampling),
            (
                "tiles",
                f"{looked} of {len(plan)} looked at, {result.empty_tiles} without data; "
                f"{plan.side_px} px of the scene shown as {plan.tile_px} px, "
                f"overlapping by {plan.overlap_px} px",
            ),
            ("model", f"{model.name} {model.version} ({model.architecture})"),
            ("made", made_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ),
    )
    lines += ["", "## Files", ""]
    lines += [f"- [{plain(file.name)}]({quote(file.name)})" for _, file in sorted(files.items())]
    lines += ["", "Made by a model; it has not been checked by people.", ""]
    return "\n".join(lines)


def report_html(markdown: str, title: str) -> str:
    """The Markdown as one page, without scripts; raw HTML in it stays text."""
    converter = MarkdownIt("commonmark", {"html": False}).enable("table")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>\n{converter.render(markdown)}</body></html>\n"
    )


def write_text(text: str, path: Path, *, overwrite: bool = False) -> None:
    """Writes a report.

    Raises:
        FileExistsError: there is such a file.
        OSError: it cannot be written; nothing is left of it.
    """
    with whole_file(path, overwrite=overwrite) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _found(result: SceneResult) -> list[str]:
    summary = summarise(result)
    if not summary:
        return ["Nothing."]
    rows = (
        (
            one.label,
            f"{one.count:,}",
            "not known" if one.area_m2 is None else f"{one.area_m2:,.1f}",
            f"{one.area_px:,.0f}",
            f"{one.mean_score:.2f}",
        )
        for one in summary
    )
    return table(("class", "count", "area in m²", "area in px", "mean score"), rows)


def _scene_in_words(header: SceneHeader) -> str:
    place = f"{header.crs}, {header.gsd_m:g} m a pixel" if header.crs else "no place on the earth"
    size = f"{header.width_px:,} x {header.height_px:,} px"
    bands = f"{header.band_count} bands of {header.band_dtype}"
    return "; ".join((f"{header.format}, {size}, {bands}", place, *header.notes))
