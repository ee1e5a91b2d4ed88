"""Marks as a user draws them, as messages."""

from protos.earthgptx.v1.geometry_pb2 import Box, Mark, Point, Polygon, Region, Scribble


def point(x: float, y: float) -> Mark:
    return Mark(point=Point(x_px=x, y_px=y))


def box(x0: float, y0: float, x1: float, y1: float) -> Mark:
    return Mark(box=Box(x0_px=x0, y0_px=y0, x1_px=x1, y1_px=y1))


def polygon(*vertices: tuple[float, float]) -> Mark:
    return Mark(polygon=Polygon(vertices=[Point(x_px=x, y_px=y) for x, y in vertices]))


def scribble(*vertices: tuple[float, float]) -> Mark:
    return Mark(scribble=Scribble(vertices=[Point(x_px=x, y_px=y) for x, y in vertices]))


def region(*marks: Mark) -> Region:
    return Region(marks=marks)
