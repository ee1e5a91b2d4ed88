"""Words on a picture: labels that keep out of each other's way, and a strip of text below."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
RectXyxy = tuple[int, int, int, int]

_DARK: Colour = (17, 20, 26)
_LIGHT: Colour = (240, 243, 247)
_FAINT: Colour = (141, 152, 168)
_RULE: Colour = (44, 50, 61)
_LINE_SPACING = 1.36
# A very narrow image stands in the middle of a page of this width, so that text can be read.
_LEAST_WIDTH_PX = 480


def font_of(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The typeface that comes with Pillow, so that no font needs to be installed."""
    return ImageFont.load_default(size_px)


class Labels:
    """Labels placed so far on one picture."""

    def __init__(self, image: Image.Image, size_px: int) -> None:
        self._image = image
        self._draw = ImageDraw.Draw(image)
        self._font = font_of(size_px)
        self._size_px = size_px
        self._taken: list[RectXyxy] = []

    def tag(self, text: str, box_xyxy: Sequence[float], colour: Colour) -> None:
        """A coloured tag at the box: above it where there is room, else below or inside."""
        pad = round(self._size_px * 0.38)
        width = round(self._draw.textlength(text, font=self._font)) + 2 * pad
        height = round(self._size_px * 1.5)
        x0, y0, x1, y1 = (round(v) for v in box_xyxy)
        rect = self._place(
            [
                (x0, y0 - height - 4),
                (x0, y1 + 4),
                (x1 - width, y0 - height - 4),
                (x1 - width, y1 + 4),
                (x1 + 3, y0),
                (x0 - width - 3, y0),
                (x0 + 3, y0 + 3),
                (x0 + 3, y1 - height - 3),
            ],
            width,
            height,
        )
        self._draw.rounded_rectangle(rect, radius=round(height * 0.25), fill=colour)
        middle = ((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2)
        self._draw.text(middle, text, ink_on(colour), font=self._font, anchor="mm")

    def badge(self, text: str, at_xy: Sequence[float]) -> None:
        """A white disc with a number, as near to the position as there is room."""
        side = round(self._size_px * 1.75)
        x, y = (round(v) for v in at_xy)
        gap = round(self._size_px * 0.3)
        left, top = x - side - gap, y - side - gap
        rect = self._place(
            [(left, top), (x + gap, top), (x + gap, y + gap), (left, y + gap)], side, side
        )
        supersampled = Image.new("L", (4 * (side + 1), 4 * (side + 1)))
        ImageDraw.Draw(supersampled).ellipse((0, 0, 4 * side + 3, 4 * side + 3), fill=255)
        disc = supersampled.resize((side + 1, side + 1), Image.Resampling.LANCZOS)
        self._image.paste(_DARK, rect[:2], disc)
        inner = disc.resize((side - 3, side - 3), Image.Resampling.LANCZOS)
        self._image.paste((255, 255, 255), (rect[0] + 2, rect[1] + 2), inner)
        middle = ((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2)
        self._draw.text(middle, text, _DARK, font=self._font, anchor="mm", stroke_width=0.4)

    def _place(self, corners: list[tuple[int, int]], width: int, height: int) -> RectXyxy:
        """The first corner that needs no moving and covers no label, else the least bad one."""
        best: tuple[float, RectXyxy] | None = None
        for order, (x, y) in enumerate(corners):
            left = min(max(x, 2), max(self._image.width - width - 2, 0))
            top = min(max(y, 2), max(self._image.height - height - 2, 0))
            rect = (left, top, left + width, top + height)
            covered = sum(_overlap(rect, other) for other in self._taken)
            badness = 100.0 * covered + abs(left - x) + abs(top - y) + 2 * order
            if best is None or badness < best[0]:
                best = (badness, rect)
        assert best is not None
        self._taken.append(best[1])
        return best[1]


def _overlap(a: RectXyxy, b: RectXyxy) -> int:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def ink_on(colour: Colour) -> Colour:
    """Black or white, whichever reads better on the colour."""
    red, green, blue = colour
    return _DARK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else (255, 255, 255)


def with_captions(
    image: Image.Image, captions: Sequence[tuple[str, str]], size_px: int
) -> Image.Image:
    """The image with a strip below: each heading small, its text wrapped under it.

    Args:
        image: RGB.
        captions: pairs of heading and text; a heading may be empty.
        size_px: height of the text's letters, roughly.
    """
    if not captions:
        return image
    margin = round(size_px * 1.3)
    text_font, heading_font = font_of(size_px), font_of(round(size_px * 0.68))
    line_px, heading_px = round(size_px * _LINE_SPACING), round(size_px * 1.1)
    width_px = max(image.width, _LEAST_WIDTH_PX)
    wrapped = [
        (heading, _wrap(text, text_font, width_px - 2 * margin)) for heading, text in captions
    ]
    block_gap = round(size_px * 0.75)
    heights = [(heading_px if h else 0) + line_px * len(lines) for h, lines in wrapped]
    strip_px = 2 * margin + sum(heights) + block_gap * (len(heights) - 1)
    page = Image.new("RGB", (width_px, image.height + strip_px), _DARK)
    page.paste(image, ((width_px - image.width) // 2, 0))
    draw = ImageDraw.Draw(page)
    draw.line((0, image.height, width_px, image.height), fill=_RULE)
    y = image.height + margin
    for heading, lines in wrapped:
        if heading:
            draw.text((margin, y), heading.upper(), _FAINT, font=heading_font)
            y += heading_px
        for line in lines:
            draw.text((margin, y), line, _LIGHT, font=text_font)
            y += line_px
        y += block_gap
    return page


def _wrap(
    text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width_px: int
) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            for piece in _pieces(word, font, width_px):
                longer = f"{line} {piece}" if line else piece
                if line and font.getlength(longer) > width_px:
                    lines.append(line)
                    longer = piece
                line = longer
        lines.append(line)
    return lines


def _pieces(
    word: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width_px: int
) -> list[str]:
    """The word, cut where it is wider than a line."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and font.getlength(pieces[-1] + letter) > width_px:
            pieces.append("")
        pieces[-1] += letter
    return pieces
