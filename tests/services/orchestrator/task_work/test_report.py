from __future__ import annotations

from typing import Any

from markdown_it import MarkdownIt

from tests.services.orchestrator.task_work.conftest import Workplace
from tests.services.pictures import png
from workflow_language.region_sets import Region
from workflow_language.values import File, SceneView, Table

PICTURE = File("map.png", "image/png", 9, "key of map")
SHEET = File("sheet.csv", "text/csv", 9, "key of sheet")
INNER = File("inner.md", "text/markdown", 9, "key of inner", beside=(PICTURE,))


async def test_every_kind_of_part_is_written(workplace: Workplace) -> None:
    scene = await workplace.scene(png(96, 64))
    close = SceneView(scene.image_id, 96, 64, window_xyxy_px=(0.0, 0.0, 32.0, 32.0), side_px=64)
    parts: Any = (
        "It is <b>wet</b>; 3 * 4.",
        0.123456,
        True,
        Table(("label", "number"), (("ship", 2), (None, 1))),
        (Region((0, 0, 1, 1), "ship", score=0.5),),
        PICTURE,
        SHEET,
        INNER,
        (close, scene),
        ("first", "second"),
        (),
    )
    given = await workplace.run("export_report", title="A *report*", parts=parts)
    file: Any = given["file"]
    text = workplace.read(file).decode()
    assert (file.name, file.media_type) == ("step-3.md", "text/markdown")
    assert "0\\.1235" in text and "true" in text
    assert "| ship | 2 |" in text and "| ship |  | 0\\.5 |  |" in text
    assert "![map\\.png](map.png)" in text and "\n[sheet\\.csv](sheet.csv)" in text
    assert "- first\n- second" in text
    names = [each.name for each in file.beside]
    assert names == [
        "map.png",
        "sheet.csv",
        "inner.md",
        "step-3-view-4.png",
        "step-3-view-5.png",
    ]
    assert workplace.read(file.beside[3]).startswith(b"\x89PNG")
    page = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    assert "<h1>A *report*</h1>" in page and "&lt;b&gt;wet&lt;/b&gt;; 3 * 4." in page
    assert page.count("<img") == 3 and page.count("<table>") == 2


async def test_a_report_may_be_a_page_in_which_nothing_is_markup(workplace: Workplace) -> None:
    parts: Any = ("It is <b>wet</b>.", PICTURE, Table(("label",), (("<i>",),)))
    given = await workplace.run("export_report", title="A <b>", parts=parts, format="html")
    file: Any = given["file"]
    page = workplace.read(file).decode()
    assert (file.name, file.media_type) == ("step-3.html", "text/html")
    assert page.startswith("<!doctype html>") and "<title>A &lt;b&gt;</title>" in page
    assert "&lt;b&gt;wet&lt;/b&gt;" in page and "<td>&lt;i&gt;</td>" in page
    assert '<img src="map.png"' in page and [each.name for each in file.beside] == ["map.png"]
