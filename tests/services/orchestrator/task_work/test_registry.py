from services.orchestrator.task_work.registry import TASK_WORK
from workflow_language.tasks.registry import TASKS


def test_every_task_of_the_language_is_done_by_somebody() -> None:
    assert set(TASK_WORK) == set(TASKS)
