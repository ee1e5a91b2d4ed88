"""What the gateway reads from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from services.gateway.unfinished_uploads import UploadLimits
from shared.settings import PREFIX, CallerSettings, SettingsError


@dataclass(frozen=True, kw_only=True, repr=False)
class GatewaySettings(CallerSettings):
    """Settings of one gateway process.

    Attributes:
        api_keys_file: JSON list of {"sha256": <hex of key>, "tenant": <name>}.
        default_timeout_s: Deadline of callers that give none.
        durable_timeout_s: When a durable run is given up.
        max_in_flight_per_tenant: Most interpretations of a tenant at once in this process.
        max_durable_per_tenant: Most durable runs of a tenant at once in the suite.
        max_uploads_per_tenant: Most uploads of a tenant at once in this process.
        max_scene_bytes: Largest file that is uploaded by parts.
        max_unfinished_uploads_per_tenant: Most uploads by parts a tenant may have begun.
        max_unfinished_upload_bytes_per_tenant: Most bytes of these in all, by the sizes declared.
        unfinished_upload_ttl_s: How long an upload by parts may take, two days at most.
        upload_folder: Where such a file is put together to be looked at, one at a time; has room
            for the largest.
        upload_memory_limit_bytes: Most bytes of uploads held at once in this process.
        max_new_tokens_limit: Most tokens a caller may ask for.
        image_ttl_s: Life of an uploaded image.
        workflow_timeout_s: When a run of a workflow is given up.
        max_workflow_runs_per_tenant: Most of these of a tenant at once in the suite.
        max_workflow_versions_per_tenant: Most versions of workflows a tenant may keep.
        max_watches_per_tenant: Most runs a tenant may follow at once in this process.
        max_run_outputs_per_tenant: Most files, large outputs and runs that gave such a tenant may
            fetch at once in this process.
    """

    api_keys_file: Path
    default_timeout_s: float = 120.0
    durable_timeout_s: float = 600.0
    max_in_flight_per_tenant: int = 16
    max_durable_per_tenant: int = 256
    max_uploads_per_tenant: int = 4
    max_scene_bytes: int = 16 * 1024**3
    max_unfinished_uploads_per_tenant: int = 8
    max_unfinished_upload_bytes_per_tenant: int = 64 * 1024**3
    unfinished_upload_ttl_s: float = 86_400.0
    upload_folder: Path = Path("/tmp/earthgptx-uploads")
    upload_memory_limit_bytes: int = 1024**3
    max_new_tokens_limit: int = 4096
    image_ttl_s: float = 7 * 86_400.0
    workflow_timeout_s: float = 86_400.0
    max_workflow_runs_per_tenant: int = 64
    max_workflow_versions_per_tenant: int = 500
    max_watches_per_tenant: int = 64
    max_run_outputs_per_tenant: int = 4

    def upload_limits(self) -> UploadLimits:
        """The part uploads by parts keep to."""
        return UploadLimits(
            self.max_scene_bytes,
            self.max_unfinished_uploads_per_tenant,
            self.max_unfinished_upload_bytes_per_tenant,
            self.unfinished_upload_ttl_s,
        )

    def __post_init__(self) -> None:
        """Checks ranges."""
        super().__post_init__()
        for name in (
            "default_timeout_s",
            "durable_timeout_s",
            "max_in_flight_per_tenant",
            "max_durable_per_tenant",
            "max_uploads_per_tenant",
            "max_scene_bytes",
            "max_unfinished_uploads_per_tenant",
            "max_unfinished_upload_bytes_per_tenant",
            "unfinished_upload_ttl_s",
            "upload_memory_limit_bytes",
            "max_new_tokens_limit",
            "image_ttl_s",
            "workflow_timeout_s",
            "max_workflow_runs_per_tenant",
            "max_workflow_versions_per_tenant",
            "max_watches_per_tenant",
            "max_run_outputs_per_tenant",
        ):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{PREFIX}{name.upper()} must be greater than 0")
        if self.max_unfinished_upload_bytes_per_tenant < self.max_scene_bytes:
            raise SettingsError(
                f"{PREFIX}MAX_UNFINISHED_UPLOAD_BYTES_PER_TENANT must be at least "
                f"{PREFIX}MAX_SCENE_BYTES: no file of that size could be uploaded"
            )
