"""Make the suite's secrets, once: `scripts/make_secrets.py [--kubernetes k8s/overlays/dev]`.

For docker-compose, writes one file a secret to `out/compose/`; for Kubernetes, `suite-secrets.env`
and `api-keys.json` to the overlay's folder. API keys are kept as digests: the key of tenant
`default` is printed, and nowhere else. A second call changes nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """0 if the secrets were made, 1 if they were there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubernetes", type=Path, metavar="DIR", help="folder of an overlay")
    overlay = parser.parse_args().kubernetes
    folder = overlay or ROOT / "out/compose"
    if (folder / "api-keys.json").exists():
        print(f"{folder} holds secrets already; nothing changed")
        return 1
    api_key = secrets.token_urlsafe(32)
    if overlay:
        write_for_kubernetes(folder)
    else:
        write_for_compose(folder)
    digest = hashlib.sha256(api_key.encode()).hexdigest()
    keys = json.dumps([{"sha256": digest, "tenant": "default"}])
    (folder / "api-keys.json").write_text(keys + "\n")
    print(f"export EARTHGPTX_ADDRESS=127.0.0.1:50050 EARTHGPTX_API_KEY={api_key}")
    return 0


def write_for_compose(folder: Path) -> None:
    """Write one file a secret: the folder is the owner's alone, the files the containers' too."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    password = secrets.token_hex(32)
    values = {
        "suite-key": secrets.token_hex(32),
        "redis-password": password,
        "state-redis-url": f"redis://:{password}@redis-state:6379/0",
        "tensor-redis-url": f"redis://:{password}@redis-tensors:6379/0",
        "object-store-secret-key": secrets.token_hex(32),
    }
    for name, value in values.items():
        (folder / name).write_text(value)
        (folder / name).chmod(0o644)


def write_for_kubernetes(folder: Path) -> None:
    """Write what the overlay's secretGenerator reads."""
    values = {
        "suite-key": secrets.token_hex(32),
        "redis-password": secrets.token_hex(32),
        "object-store-access-key": "earthgptx",
        "object-store-secret-key": secrets.token_hex(32),
    }
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(folder / "suite-secrets.env", flags, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())


if __name__ == "__main__":
    sys.exit(main())
