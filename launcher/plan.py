"""Which processes the suite is made of, with what environment each is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.cores import usable_cores
from launcher.errors import LaunchError
from launcher.ports import free_ports, is_free
from launcher.redis_servers import find_server, write_config
from launcher.state import Secrets, StateFolder

PREFIX = "EARTHGPTX_"
STAGES = ("image_encoder", "prompt_encoder", "reasoner", "mask_decoder")
STATE_REDIS, TENSOR_REDIS = "redis_state", "redis_tensors"
DRAIN_GRACE_S = 5
_SERVICES = (*STAGES, "orchestrator", "gateway")
# What a user may set for the processes; the launcher decides the rest.
_FOR_ALL = ("LOG_LEVEL", "OTLP_ENDPOINT", "TRACE_RATIO")
_FOR_STAGES = ("DEVICE", "DTYPE", "THREADS", "MAX_BATCH", "MAX_WAIT_MS", "MAX_QUEUE")
_FOR_REASONER = ("QUANTISATION", "PREFIX_LIMIT_BYTES")
_FOR_COMMANDS = ("ADDRESS", "API_KEY", "STATE_DIR", "DEBUG", "WEIGHTS_DIR")


@dataclass(frozen=True)
class ProcessPlan:
    """One process.

    Attributes:
        name: as in logs and in `status`.
        arguments: program and arguments.
        environment: all of it.
        port: where it listens, on 127.0.0.1.
        metrics_port: where Prometheus scrapes it; 0 for none.
        tier: processes of a lower tier start first and stop last.
        redis_password: set for a Redis-compatible server, which is asked to PING; others are asked
            for their gRPC health.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    port: int
    metrics_port: int
    tier: int
    redis_password: str = ""


def plan_suite(
    folder: StateFolder,
    secrets: Secrets,
    weights_dir: Path,
    gateway_port: int,
    environ: Mapping[str, str],
) -> list[ProcessPlan]:
    """All processes, in the order in which they start.

    Args:
        folder: where state, logs and objects are kept.
        secrets: what the processes share.
        weights_dir: folder of the model.
        gateway_port: where callers reach the suite; 0 takes a free one.
        environ: the user's; EARTHGPTX_ variables for the processes are taken from it.

    Raises:
        LaunchError: no Redis-compatible server, no free port, or a variable nobody knows.
    """
    _check_variables(environ)
    if gateway_port and not is_free(gateway_port):
        raise LaunchError(f"--port: something else listens on port {gateway_port}", 2)
    state_port, tensor_port, *rest = free_ports(2 + 2 * len(_SERVICES))
    ports = dict(zip(_SERVICES, rest[: len(_SERVICES)], strict=True))
    metrics = dict(zip(_SERVICES, rest[len(_SERVICES) :], strict=True))
    ports["gateway"] = gateway_port or ports["gateway"]
    password = secrets.redis_password
    shared = {
        "SUITE_KEY": secrets.suite_key,
        "STATE_REDIS_URL": f"redis://:{password}@127.0.0.1:{state_port}/0",
        "TENSOR_REDIS_URL": f"redis://:{password}@127.0.0.1:{tensor_port}/0",
        "OBJECT_STORE_URL": (folder.root / "objects").as_uri(),
        "DRAIN_GRACE_S": str(DRAIN_GRACE_S),
        **_chosen(environ, _FOR_ALL),
    }
    own = _own_settings(folder, weights_dir, ports, environ)
    plain = {k: v for k, v in environ.items() if not k.startswith(PREFIX)}
    plain |= {"PYTHONUNBUFFERED": "1"}
    return [
        _redis(folder, STATE_REDIS, state_port, password, plain),
        _redis(folder, TENSOR_REDIS, tensor_port, password, plain),
        *(
            _service(name, shared | own[name], ports[name], metrics[name], plain)
            for name in _SERVICES
        ),
    ]


def _own_settings(
    folder: StateFolder, weights_dir: Path, ports: Mapping[str, int], environ: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """What each service reads beside what all do, by its name."""
    of_stages = {
        "WEIGHTS_DIR": str(weights_dir),
        # Two stages or more are busy at once; threads beyond the cores only wait, and spin.
        "THREADS": str(max(usable_cores() // 2, 1)),
        **_chosen(environ, _FOR_STAGES),
    }
    # On a CPU eight views take as long together as one by one, and all wait for the last.
    of_encoder = {"MAX_BATCH": "2"} if environ.get(f"{PREFIX}DEVICE", "cpu") == "cpu" else {}
    of_callers = {f"{stage.upper()}_ADDR": f"127.0.0.1:{ports[stage]}" for stage in STAGES}
    return {
        **{stage: of_stages for stage in STAGES},
        "image_encoder": of_encoder | of_stages,
        "reasoner": {**of_stages, **_chosen(environ, _FOR_REASONER)},
        "orchestrator": {**of_callers, "SCENE_FOLDER": str(folder.root / "scenes")},
        "gateway": {
            **of_callers,
            "API_KEYS_FILE": str(folder.api_keys_file),
            "UPLOAD_FOLDER": str(folder.root / "uploads"),
        },
    }


def _service(
    name: str, settings: Mapping[str, str], port: int, metrics_port: int, plain: Mapping[str, str]
) -> ProcessPlan:
    listening = {
        "LISTEN": f"127.0.0.1:{port}",
        "METRICS_LISTEN": f"127.0.0.1:{metrics_port}",
    }
    chosen = {PREFIX + key: value for key, value in {**settings, **listening}.items()}
    return ProcessPlan(
        name=name,
        arguments=(sys.executable, "-m", f"services.{name}"),
        environment={**plain, **chosen},
        port=port,
        metrics_port=metrics_port,
        tier={"gateway": 3, "orchestrator": 2}.get(name, 1),
    )


def find_weights(given: str | None, environ: Mapping[str, str]) -> Path:
    """The folder of the model: as given, as the environment says, else `weights/nano` here.

    Raises:
        LaunchError: it is not one.
    """
    beside = Path(__file__).resolve().parent.parent / "weights" / "nano"
    chosen = Path(given or environ.get(f"{PREFIX}WEIGHTS_DIR") or beside).absolute()
    missing = [
        name
        for name in ("config.json", *(f"{stage}.safetensors" for stage in STAGES))
        if not (chosen / name).is_file()
    ]
    if missing:
        raise LaunchError(f"--weights: no model in {chosen}: {', '.join(missing)} missing", 2)
    return chosen


def _redis(
    folder: StateFolder, name: str, port: int, password: str, environment: Mapping[str, str]
) -> ProcessPlan:
    place = folder.root / name.replace("_", "-")
    config = write_config(place, port, password, keeps=name == STATE_REDIS)
    return ProcessPlan(
        name=name,
        arguments=(str(find_server()), str(config)),
        environment=environment,
        port=port,
        metrics_port=0,
        tier=0,
        redis_password=password,
    )


def _chosen(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: environ[PREFIX + name] for name in names if environ.get(PREFIX + name)}


def _check_variables(environ: Mapping[str, str]) -> None:
    names = (*_FOR_ALL, *_FOR_STAGES, *_FOR_REASONER, *_FOR_COMMANDS)
    known = {PREFIX + name for name in names}
    for variable in environ:
        if variable.startswith(PREFIX) and variable not in known:
            choice = ", ".join(sorted(known))
            raise LaunchError(f"{variable} is not a variable of the launcher ({choice})", 2)


def code_root() -> str:
    """The folder that holds the packages: `python -m services.x` is run there."""
    return os.fspath(Path(__file__).resolve().parent.parent)
