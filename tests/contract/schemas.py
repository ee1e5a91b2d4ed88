"""Whether an object keeps to the schema of its kind, unknown fields refused."""

import kubernetes_validate
from cloudcoil.models.keda.v1alpha1 import ScaledObject

from tests.contract.manifests import Manifest

CLUSTER_VERSION = "1.31"


def check_schema(part: Manifest) -> None:
    """Raises if `part` is not as its kind wants it."""
    if part["kind"] != "ScaledObject":
        kubernetes_validate.validate(part, CLUSTER_VERSION, strict=True)
        return
    read = ScaledObject.model_validate(part)
    # The model drops what it does not know; what is left must be what was given.
    kept = read.model_dump(by_alias=True, exclude_unset=True, mode="json")
    assert kept == part
