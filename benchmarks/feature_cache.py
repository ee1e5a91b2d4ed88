"""A second question about an image against the first, end to end.

Every round uploads an image the suite has never seen, asks about it, and asks something else about
it. The answers have one token: what is compared is the time until the suite begins to speak. The
image encoder's own counters must say that the first question ran it once and the second not at all.
"""

from __future__ import annotations

import time

from benchmarks.figures import Figure, Given, at_most, latency
from benchmarks.pictures import scene_png
from benchmarks.suite import Suite, running_suite
from earthgptx_client.client import Client
from earthgptx_client.events import ImageInfo

ROUNDS = 60
STAGE = "image_encoder"
QUESTIONS = ("Describe the image briefly.", "What kind of scene is this?")
SHARE_TARGET = at_most(50)
NO_ENCODE = at_most(0)


def run(given: Given) -> list[Figure]:
    """Starts a suite and asks it."""
    with running_suite(given) as suite:
        return measure(suite, given.rounds or ROUNDS)


def measure(suite: Suite, rounds: int) -> list[Figure]:
    """Asks twice about each of as many images as there are rounds."""
    first_s, second_s, encodes = [], [], [0.0, 0.0]
    with suite.client() as client:

        def counted() -> float:
            return suite.counts(STAGE).total(STAGE, "earthgptx_image_encoder_encodes_total")

        _ask(client, client.upload(scene_png(0)), QUESTIONS[0])
        for seed in range(1, rounds + 1):
            image = client.upload(scene_png(seed))
            at_first = counted()
            first_s.append(_ask(client, image, QUESTIONS[0]))
            at_second = counted()
            second_s.append(_ask(client, image, QUESTIONS[1]))
            encodes[0] += at_second - at_first
            encodes[1] += counted() - at_second
    first, second = latency("first question", first_s), latency("second question", second_s)
    return [
        first,
        second,
        Figure(
            name="second question, share of the first",
            value=100 * second.value / first.value,
            unit="%",
            samples=rounds,
            target=SHARE_TARGET,
        ),
        Figure(name="views encoded for first questions", value=encodes[0], unit="", samples=rounds),
        Figure(
            name="views encoded for second questions",
            value=encodes[1],
            unit="",
            samples=rounds,
            target=NO_ENCODE,
        ),
    ]


def _ask(client: Client, image: ImageInfo, question: str) -> float:
    """Seconds until the answer is there."""
    started_s = time.perf_counter()
    client.ask(image, question, max_new_tokens=1)
    return time.perf_counter() - started_s
