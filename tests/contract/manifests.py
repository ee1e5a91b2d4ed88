"""The Kubernetes objects of the tree, as kubectl renders them or read file by file."""

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.contract.tree import ROOT

BASE = ROOT / "k8s" / "base"
COMPONENTS = sorted(path.name for path in (ROOT / "k8s" / "components").iterdir())
OVERLAYS = sorted(path.name for path in (ROOT / "k8s" / "overlays").iterdir())
Manifest = dict[str, Any]


def base_objects() -> list[Manifest]:
    """Every object of the base, read from the files its kustomization names."""
    files = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    return [
        part for name in files for part in yaml.safe_load_all((BASE / name).read_text()) if part
    ]


def has_kubectl() -> bool:
    """Whether anything can be rendered here."""
    return shutil.which("kubectl") is not None


def render_overlay(name: str, folder: Path) -> list[Manifest]:
    """An overlay as kubectl's kustomize makes it, in a copy with secrets of its own."""
    shutil.copytree(ROOT / "k8s", folder / "k8s")
    overlay = folder / "k8s" / "overlays" / name
    (overlay / "suite-secrets.env").write_text("suite-key=of-a-test\n")
    (overlay / "api-keys.json").write_text(json.dumps([]))
    return _render(overlay)


def render_with(components: Iterable[str], folder: Path) -> list[Manifest]:
    """The base with some components switched on."""
    shutil.copytree(ROOT / "k8s", folder / "k8s")
    overlay = folder / "k8s" / "overlays" / "of-a-test"
    overlay.mkdir()
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "earthgptx",
        "resources": ["../../base"],
        "components": [f"../../components/{name}" for name in components],
    }
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return _render(overlay)


def _render(overlay: Path) -> list[Manifest]:
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
