"""A scene looked at tile by tile through the suite, against the library in one process.

Both ask the same of the same tiles of the same file. The library has all cores in one process and
asks eight tiles at a time; the suite has them in as many processes as it has parts. Then another
question about the same scene: the suite has kept what its experts saw of every tile, and what its
language model read of it.
"""

from __future__ import annotations

import io
import statistics
import time

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.figures import Figure, Given, Target, at_least
from benchmarks.suite import Suite, running_suite
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.imagery.windows import Window
from earthgptx.model.pipeline import EarthGptX
from earthgptx.model.question import Question
from earthgptx_client.client import Client

SceneHW3 = npt.NDArray[np.uint8]

ROUNDS = 2
TILE_PX, TILES_ALONG = 256, 10
AT_ONCE = 8
# What is asked first, and what is asked again of the same scene.
WORDS = ("all vehicles", "all ships")
THROUGHPUT, AGAIN = at_least(0.85), at_least(3)
WORKFLOW = """
workflow: throughput
inputs: {scene: {type: scene, modality: optical}, words: text}
steps:
  - {id: tiles, task: tile, with: {scene: $scene, side_px: TILE_PX, overlap_px: 0, at_most: 256}}
  - {id: seen, task: segment, for_each: $tiles, in_flight: 32,
     with: {image: $item, words: $words}}
  - {id: found, task: merge, with: {regions: $seen}}
  - {id: number, task: count, with: {regions: $found}}
outputs: {number: $number.number}
""".replace("TILE_PX", str(TILE_PX))


def run(given: Given) -> list[Figure]:
    """Starts a suite and measures."""
    with running_suite(given) as suite:
        return measure(suite, EarthGptX.load(given.weights), given.rounds or ROUNDS)


def measure(
    suite: Suite, library: EarthGptX, rounds: int, tiles_along: int = TILES_ALONG
) -> list[Figure]:
    """Times library and suite in turns, on scenes that neither has seen."""
    library_s, first_s, again_s = [], [], []
    with suite.client() as client:
        _through_suite(client, _mosaic(0, tiles_along), WORDS[0])
        for seed in range(1, rounds + 1):
            scene_HW3 = _mosaic(seed, tiles_along)
            library_s.append(_in_library(library, scene_HW3))
            first_s.append(_through_suite(client, scene_HW3, WORDS[0]))
            again_s.append(_through_suite(client, scene_HW3, WORDS[1]))
    tiles = tiles_along**2
    return [
        _rate("library, one process", tiles, library_s),
        _rate("suite, first question", tiles, first_s),
        _rate("suite, another question", tiles, again_s),
        _times("suite over library", library_s, first_s, THROUGHPUT),
        _times("another question over the first", first_s, again_s, AGAIN),
    ]


def _mosaic(seed: int, tiles_along: int) -> SceneHW3:
    """Scenes side by side, TILE_PX each, uint8 [H, W, 3]."""
    first = seed * tiles_along**2
    drawn = [generate_scene(first + n, TILE_PX).render("optical") for n in range(tiles_along**2)]
    rows = [np.hstack(drawn[n : n + tiles_along]) for n in range(0, len(drawn), tiles_along)]
    return np.vstack(rows)


def _in_library(library: EarthGptX, scene_HW3: SceneHW3) -> float:
    started_s = time.perf_counter()
    along = range(0, len(scene_HW3), TILE_PX)
    corners = [(x, y) for y in along for x in along]
    question = f"segment {WORDS[0]}."
    for first in range(0, len(corners), AT_ONCE):
        library.answer_all(
            [
                Question(scene_HW3, question, (), "optical", Window(float(x), float(y), TILE_PX))
                for x, y in corners[first : first + AT_ONCE]
            ]
        )
    return time.perf_counter() - started_s


def _through_suite(client: Client, scene_HW3: SceneHW3, words: str) -> float:
    file = io.BytesIO()
    Image.fromarray(scene_HW3).save(file, "png", compress_level=1)
    image = client.upload(file.getvalue())
    started_s = time.perf_counter()
    run_id = client.workflows.run(WORKFLOW, {"scene": image, "words": words}).run_id
    for _ in client.runs.watch(run_id):
        pass
    took_s = time.perf_counter() - started_s
    state = client.runs.get(run_id).info.state
    assert state == "succeeded", f"the run {state}"
    return took_s


def _rate(name: str, tiles: int, samples_s: list[float]) -> Figure:
    return Figure(
        name=name,
        value=tiles / statistics.median(samples_s),
        unit="tiles/s",
        samples=len(samples_s),
        parts={"scene_s": statistics.median(samples_s)},
    )


def _times(name: str, above_s: list[float], below_s: list[float], target: Target) -> Figure:
    ratios = [above / below for above, below in zip(above_s, below_s, strict=True)]
    return Figure(
        name=name,
        value=statistics.median(ratios),
        unit="x",
        samples=len(ratios),
        target=target,
    )
