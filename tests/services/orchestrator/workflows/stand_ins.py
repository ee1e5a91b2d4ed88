"""Tasks of every name that do no work: what they give follows from their arguments alone."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from services.orchestrator.task_work.arguments import Arguments
from services.orchestrator.task_work.context import TaskContext, TaskParts, TaskWork
from workflow_language.region_sets import Region
from workflow_language.tasks.registry import TASKS
from workflow_language.tasks.task import Task
from workflow_language.value_types import (
    BOOLEAN,
    FILE,
    IMAGE,
    NUMBER,
    TABLE,
    TEXT,
    ValueType,
)
from workflow_language.values import File, MaskPixels, SceneView, Table, Value

SCENE_VIEW = SceneView("sha256:" + "ab" * 32, 640, 480, modality="optical")


def stand_in(task: Task) -> TaskWork:
    async def work(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        said = repr(sorted(arguments.items(), key=lambda pair: pair[0]))
        seed = random.Random(hashlib.sha256(f"{task.name} {said}".encode()).hexdigest())
        return {output.name: _made(output.type, seed) for output in task.outputs}

    return work


STAND_INS: Mapping[str, TaskWork] = {name: stand_in(task) for name, task in TASKS.items()}


class Scenes:
    """Every image there is."""

    async def scene(self, image_id: str, *, tenant: str) -> SceneView:
        return SceneView(image_id, 320, 200)


NO_PARTS = cast(TaskParts, cast(Any, SimpleNamespace(images=Scenes())))


def _made(kind: ValueType, seed: random.Random) -> Value:
    if kind.item is not None:
        return tuple(_made(kind.item, seed) for _ in range(seed.randint(0, 2)))
    x, y = seed.randint(0, 90) + 0.25, float(seed.randint(0, 90))
    plain: dict[ValueType, Value] = {
        TEXT: f"words {x}",
        NUMBER: 1,
        BOOLEAN: x > 45,
        IMAGE: SceneView(SCENE_VIEW.image_id, 640, 480, window_xyxy_px=(x, y, x + 64, y + 64)),
        TABLE: Table(("label", "count"), (("ship", x), (None, 1))),
        FILE: File("map.geojson", "application/geo+json", 12, f"key{x}"),
    }
    mask = MaskPixels(480, 640, "abc")
    return plain.get(kind) or Region((x, y, x + 9, y + 9), label="ship", score=0.5, mask=mask)
