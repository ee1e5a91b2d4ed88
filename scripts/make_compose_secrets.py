"""Make the secrets docker-compose.yml needs, once: `python3 scripts/make_compose_secrets.py`.

Writes `.env` (which docker-compose reads) and `out/compose/api-keys.json` (digests only), and
prints the API key of tenant `default`. A second call changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("SUITE_KEY", "REDIS_PASSWORD", "OBJECT_STORE_ACCESS_KEY", "OBJECT_STORE_SECRET_KEY")


def main() -> int:
    """0 if the secrets were made, 1 if they were there."""
    path = ROOT / ".env"
    if path.exists():
        print(f"{path} is there already; nothing changed")
        return 1
    values = {name: secrets.token_hex(32) for name in NAMES}
    values["OBJECT_STORE_ACCESS_KEY"] = "earthgptx"
    api_key = secrets.token_urlsafe(32)
    keys = ROOT / "out" / "compose" / "api-keys.json"
    keys.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(api_key.encode()).hexdigest()
    keys.write_text(json.dumps([{"sha256": digest, "tenant": "default"}]) + "\n")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    print(f"export EARTHGPTX_ADDRESS=127.0.0.1:50050 EARTHGPTX_API_KEY={api_key}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
