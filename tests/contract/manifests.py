"""The Kubernetes objects of the tree, as kubectl renders them or read file by file."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.contract.tree import ROOT

BASE = ROOT / "k8s" / "base"
DEV = ROOT / "k8s" / "overlays" / "dev"
Manifest = dict[str, Any]


def base_objects() -> list[Manifest]:
    """Every object of the base, read from the files its kustomization names."""
    files = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    return [
        part for name in files for part in yaml.safe_load_all((BASE / name).read_text()) if part
    ]


def render_dev(folder: Path) -> list[Manifest] | None:
    """The dev overlay as kubectl's kustomize makes it, in a copy; None without kubectl."""
    if shutil.which("kubectl") is None:
        return None
    shutil.copytree(ROOT / "k8s", folder / "k8s")
    overlay = folder / "k8s" / "overlays" / "dev"
    (overlay / "suite-secrets.env").write_text("suite-key=of-a-test\n")
    (overlay / "api-keys.json").write_text(json.dumps([]))
    command = ["kubectl", "kustomize", str(overlay)]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True)
    return [part for part in yaml.safe_load_all(rendered.stdout) if part]


def pods(objects: list[Manifest]) -> list[tuple[str, Manifest]]:
    """Name and pod spec of everything that runs."""
    kinds = ("Deployment", "StatefulSet")
    return [
        (part["metadata"]["name"], part["spec"]["template"]["spec"])
        for part in objects
        if part["kind"] in kinds
    ]
