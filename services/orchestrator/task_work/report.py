"""export_report: one file, Markdown or HTML, of texts, numbers, tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from PIL import Image

from earthgptx.exports.markdown import plain, table
from services.orchestrator.task_work.arguments import Arguments, ArgumentValue, text_in
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.pictures import PNG, png_of
from services.orchestrator.task_work.resolve import in_words
from workflow_language.region_sets import Region
from workflow_language.values import Cell, File, SceneView, Table, Value

MARKDOWN = "text/markdown"
HTML = "text/html"
VIEW_PX = 768
_REGION_COLUMNS = ("label", "caption", "score", "area_m2")


async def export_report(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Writes the parts in their order; files among them lie beside the report."""
    report = _Report(context)
    await report.add(arguments["parts"])
    title, beside = text_in(arguments, "title"), tuple(report.files.values())
    closing = "Made by a model; not checked by people."
    text = "\n\n".join([f"# {plain(title)}", *report.blocks, closing]) + "\n"
    if text_in(arguments, "format") == "html":
        page = await context.draw(_page, text, title)
        return {"file": await context.write(".html", HTML, page.encode(), beside)}
    return {"file": await context.write(".md", MARKDOWN, text.encode(), beside)}


def _page(markdown: str, title: str) -> str:
    # Only here: markdown-it is of the extra `scenes`.
    from earthgptx.exports.report import report_html

    return report_html(markdown, title)


class _Report:
    """Blocks of Markdown so far, and the files they show, by name."""

    def __init__(self, context: TaskContext) -> None:
        self._context = context
        self.blocks: list[str] = []
        self.files: dict[str, File] = {}

    async def add(self, part: ArgumentValue) -> None:
        """Adds a part, whatever it is; of several one after the other."""
        match part:
            case tuple():
                await self._add_several(part)
            case SceneView():
                self._add_file(await self._picture_of(part))
            case File():
                self._add_file(part)
            case Table(columns, rows):
                self._add_table(columns, rows)
            case Region():
                self._add_regions((part,))
            case str() | int() | float():
                self.blocks.append(plain(in_words(part)))

    async def _add_several(self, parts: tuple[Value, ...]) -> None:
        regions = tuple(part for part in parts if isinstance(part, Region))
        if regions:
            self._add_regions(regions)
        elif parts and all(isinstance(part, str) for part in parts):
            self.blocks.append("\n".join(f"- {plain(str(part))}" for part in parts))
        else:
            for part in parts:
                await self.add(part)

    def _add_regions(self, regions: tuple[Region, ...]) -> None:
        fields = [region.fields() for region in regions]
        rows = tuple(tuple(each[name] for name in _REGION_COLUMNS) for each in fields)
        self._add_table(_REGION_COLUMNS, rows)

    def _add_table(self, columns: tuple[str, ...], rows: tuple[tuple[Cell, ...], ...]) -> None:
        written = [tuple("" if cell is None else in_words(cell) for cell in row) for row in rows]
        self.blocks.append("\n".join(table(tuple(map(plain, columns)), written)))

    def _add_file(self, file: File) -> None:
        self.files[file.name] = file
        link = f"[{plain(file.name)}]({quote(file.name)})"
        self.blocks.append(f"!{link}" if file.media_type == PNG else link)
        for each in file.beside:
            self.files[each.name] = each

    async def _picture_of(self, view: SceneView) -> File:
        pixels_HWC = await self._context.pixels(view, VIEW_PX)
        png = await self._context.draw(lambda: png_of(Image.fromarray(pixels_HWC)))
        return await self._context.write(f"-view-{len(self.files) + 1}.png", PNG, png)
