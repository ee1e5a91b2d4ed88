"""What the orchestrator reads from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared.messages.celery_app import QUEUES, kind_of
from shared.run_records.records import RunLimits
from shared.settings import PREFIX, CallerSettings, SettingsError
from shared.workflow_runs import views as workflow_runs


@dataclass(frozen=True, kw_only=True, repr=False)
class OrchestratorSettings(CallerSettings):
    """Settings of one orchestrator process.

    Attributes:
        concurrency: Most steps and units at once in this process; most wait on a stage. One in four
            of these slots (at least one of two) is for interactive ones only; the others hold all
            that one tenant may have in flight.
        queues: Queues consumed, e.g. "reason,workflow.reasoner.batch"; empty means all.
        lease_s: A process that has not renewed a step for so long is taken for dead.
        max_attempts: Most claims of one step before the run is given up.
        max_rewinds: Most times a run makes tensors again that are gone.
        step_timeout_s: Most time for one attempt of a step.
        resend_after_s: A step ready for so long without a claim gets another message.
        sweep_interval_s: How often due runs are looked for.
        retry_base_s: Pause before the second attempt; doubles with each.
        retry_cap_s: Longest such pause.
        scene_folder: Where files of large scenes are kept for reading; processes may share it.
        scene_folder_limit_bytes: Most bytes there; has room for the largest scene.
        reap_interval_s: How often expired tensors are swept away; 0 leaves it to others.
    """

    concurrency: int = 48
    queues: tuple[str, ...] = ()
    lease_s: float = 5.0
    max_attempts: int = 8
    max_rewinds: int = 3
    step_timeout_s: float = 300.0
    resend_after_s: float = 5.0
    sweep_interval_s: float = 0.25
    retry_base_s: float = 0.5
    retry_cap_s: float = 15.0
    scene_folder: Path = Path("/tmp/earthgptx-scenes")
    scene_folder_limit_bytes: int = 20 * 1024**3
    reap_interval_s: float = 30.0

    def __post_init__(self) -> None:
        """Checks ranges."""
        super().__post_init__()
        for name in ("concurrency", "max_attempts"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{PREFIX}{name.upper()} must be at least 1")
        for name in (
            "scene_folder_limit_bytes",
            "lease_s",
            "step_timeout_s",
            "resend_after_s",
            "sweep_interval_s",
        ):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{PREFIX}{name.upper()} must be greater than 0")

        if unknown := sorted(set(self.queues) - set(map(kind_of, QUEUES))):
            raise SettingsError(f"{PREFIX}QUEUES: no queue is called {unknown[0]!r}")

    def run_limits(self) -> RunLimits:
        """The part the records of interpretations keep to."""
        return RunLimits(
            lease_s=self.lease_s,
            max_attempts=self.max_attempts,
            max_rewinds=self.max_rewinds,
            resend_after_s=self.resend_after_s,
            retention_s=self.retention_s,
        )

    def workflow_limits(self) -> workflow_runs.RunLimits:
        """The part the records of workflows keep to."""
        return workflow_runs.RunLimits(
            lease_s=self.lease_s,
            max_rewinds=self.max_rewinds,
            resend_after_s=self.resend_after_s,
            retention_s=self.retention_s,
        )
