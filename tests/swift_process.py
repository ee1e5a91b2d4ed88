"""OpenStack Swift with its S3 API: python -m tests.swift_process FOLDER PORT [HOST].

A proxy, an account, a container and an object server, each its own WSGI application, in one process
and event loop; one replica, files under FOLDER. The proxy listens on HOST (loopback), the others
never leave it. Keys: SWIFT_ACCESS_KEY, of the form account:user (test:tester), and SWIFT_SECRET_KEY
(testing).
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import eventlet
from swift.common import utils

utils.monkey_patch()

from eventlet import wsgi  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

_SWIFT = """[swift-hash]
swift_hash_path_suffix = earthgptx
[storage-policy:0]
name = one
default = yes
"""
_BACKEND = """[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
fallocate_reserve = 0
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
_PROXY = """[DEFAULT]
swift_dir = {folder}
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats bulk s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret_key} .admin
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
check_bucket_owner = false
allow_multipart_uploads = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
minimum_segment_size = 1
[filter:dlo]
use = egg:swift#dlo
"""


def main(folder: Path, port: int, host: str) -> None:
    """Serves until killed."""
    account, _, user = os.environ.get("SWIFT_ACCESS_KEY", "test:tester").partition(":")
    keys = {
        "account": account,
        "user": user,
        "secret_key": os.environ.get("SWIFT_SECRET_KEY", "testing"),
    }
    (folder / "devices" / "disk").mkdir(parents=True, exist_ok=True)
    (folder / "swift.conf").write_text(_SWIFT)
    utils.set_swift_dir(str(folder))
    pool = eventlet.GreenPool()
    for kind in ("account", "container", "object"):
        socket = eventlet.listen(("127.0.0.1", 0))
        _write_ring(folder, kind, socket.getsockname()[1])
        _serve(pool, socket, folder / f"{kind}.conf", _BACKEND.format(folder=folder, kind=kind))
    socket = eventlet.listen((host, port))
    _serve(pool, socket, folder / "proxy.conf", _PROXY.format(folder=folder, **keys))
    pool.waitall()


def _serve(pool: eventlet.GreenPool, socket: object, conf: Path, text: str) -> None:
    conf.write_text(text)
    application = loadapp(str(conf))
    silent = logging.getLogger("swift.access")
    silent.disabled = True
    pool.spawn_n(wsgi.server, socket, application, log=silent, debug=False)


def _write_ring(folder: Path, kind: str, port: int) -> None:
    builder = RingBuilder(1, 1, 0)
    device = {"id": 0, "region": 1, "zone": 1, "weight": 1.0, "device": "disk"}
    builder.add_dev({**device, "ip": "127.0.0.1", "port": port})
    builder.rebalance()
    builder.get_ring().save(str(folder / f"{kind}.ring.gz"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *(sys.argv[3:] or ["127.0.0.1"]))
