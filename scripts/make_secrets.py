"""Make the suite's secrets, once: `scripts/make_secrets.py [--kubernetes k8s/overlays/dev]`.

For docker-compose, writes `.env` (which it reads) and `out/compose/api-keys.json`; for Kubernetes,
`suite-secrets.env` and `api-keys.json` in the overlay's folder. API keys are kept as digests: the
key of tenant `default` is printed, and nowhere else. A second call changes nothing.
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
    path = overlay / "suite-secrets.env" if overlay else ROOT / ".env"
    keys_path = overlay / "api-keys.json" if overlay else ROOT / "out/compose/api-keys.json"
    if path.exists():
        print(f"{path} is there already; nothing changed")
        return 1
    values = {
        "suite-key": secrets.token_hex(32),
        "redis-password": secrets.token_hex(32),
        "object-store-access-key": "earthgptx",
        "object-store-secret-key": secrets.token_hex(32),
    }
    if not overlay:
        values = {name.upper().replace("-", "_"): value for name, value in values.items()}
    api_key = secrets.token_urlsafe(32)
    keys_path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(api_key.encode()).hexdigest()
    keys_path.write_text(json.dumps([{"sha256": digest, "tenant": "default"}]) + "\n")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    print(f"export EARTHGPTX_ADDRESS=127.0.0.1:50050 EARTHGPTX_API_KEY={api_key}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
