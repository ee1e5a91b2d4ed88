"""All tasks, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from workflow_language.tasks.file_tasks import FILE_TASKS
from workflow_language.tasks.model_tasks import MODEL_TASKS
from workflow_language.tasks.region_tasks import REGION_TASKS
from workflow_language.tasks.task import Task
from workflow_language.tasks.view_tasks import VIEW_TASKS

TASKS: Mapping[str, Task] = MappingProxyType(
    {task.name: task for task in (*MODEL_TASKS, *VIEW_TASKS, *REGION_TASKS, *FILE_TASKS)}
)
