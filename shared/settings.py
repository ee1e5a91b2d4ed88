"""Settings: one frozen dataclass per process, read once from the environment.

A field `max_batch` is the variable `EARTHGPTX_MAX_BATCH`. An empty variable counts as unset. With
`_FILE` behind its name a variable names a file that holds the value, as containers get secrets. A
value that cannot be read, a missing one, and a variable that no field knows are errors that name
the variable.
"""

from __future__ import annotations

import dataclasses
import difflib
import hmac
import os
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar

PREFIX = "EARTHGPTX_"
FILE_SUFFIX = "_FILE"
SUITE_KEY_MIN_LENGTH = 32


class SettingsError(ValueError):
    """The environment does not make valid settings; the message names the variable."""


class Secret:
    """A string that shows itself only when asked to."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Wraps `value`."""
        self._value = value

    def reveal(self) -> str:
        """The string itself; never log it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


NO_SECRET = Secret("")


@dataclass(frozen=True, kw_only=True, repr=False)
class ProcessSettings:
    """What every process of the suite reads.

    Attributes:
        suite_key: Secret all processes share; signs tensor refs and authenticates stage calls.
        state_redis_url: Broker and run records (kept, never evicted).
        tensor_redis_url: Tensors and the feature index (evicted at will); another instance.
        object_store_url: `file:///dir` or `http(s)://host:port/bucket`.
        object_store_public_url: The same bucket by the address that clients of the suite reach, for
            presigned uploads; empty: their parts go through the gateway.
        object_store_access_key: User of the object store; empty for a directory.
        object_store_secret_key: Its password; empty for a directory.
        object_store_limit_bytes: Most bytes a directory as object store may hold; 0 for no limit.
        tensor_tiers: Which tensor tiers this process writes and reads. Leave "shared_memory" out
            where the stages do not share one host's /dev/shm.
        shared_memory_limit_bytes: Most bytes of shared memory the suite takes on this host.
        listen: Where the gRPC server listens, `host:port`; port 0 takes a free one.
        metrics_listen: Where Prometheus scrapes, `host:port`; empty means no endpoint.
        otlp_endpoint: Where traces go (`http://host:4317`); empty means nowhere.
        trace_ratio: Share of traces begun here that are recorded, 0..1.
        log_level: DEBUG, INFO, WARNING or ERROR.
        drain_grace_s: How long running calls may take to end after SIGTERM.
    """

    suite_key: Secret
    state_redis_url: str = "redis://127.0.0.1:6379/0"
    tensor_redis_url: str = "redis://127.0.0.1:6380/0"
    object_store_url: str = "file:///var/lib/earthgptx/objects"
    object_store_public_url: str = ""
    object_store_access_key: str = ""
    object_store_secret_key: Secret = NO_SECRET
    object_store_limit_bytes: int = 20 * 1024**3
    tensor_tiers: tuple[str, ...] = ("inline", "shared_memory", "redis", "object_store")
    shared_memory_limit_bytes: int = 2 * 1024**3
    listen: str = "127.0.0.1:0"
    metrics_listen: str = "127.0.0.1:0"
    otlp_endpoint: str = ""
    log_level: str = "INFO"
    trace_ratio: float = 1.0
    drain_grace_s: float = 20.0

    def __post_init__(self) -> None:
        """Checks what must hold in every process."""
        if len(self.suite_key.reveal()) < SUITE_KEY_MIN_LENGTH:
            raise SettingsError(
                f"{PREFIX}SUITE_KEY must have at least {SUITE_KEY_MIN_LENGTH} characters"
            )
        if self.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise SettingsError(f"{PREFIX}LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({describe(self)})"


@dataclass(frozen=True, kw_only=True, repr=False)
class StageSettings(ProcessSettings):
    """What a stage reads besides.

    Attributes:
        weights_dir: Folder of a preset's weights (config.json, *.safetensors).
        device: torch device, "cpu" or "cuda:0".
        dtype: Compute type, "float32" or "bfloat16".
        threads: torch threads; 0 leaves torch's own choice.
        max_batch: Most requests in one model call.
        max_wait_ms: How long an incomplete batch waits for requests that are being made ready, in
            milliseconds.
        max_queue: Most requests waiting; beyond it calls are refused at once.
        tensor_ttl_s: Life of the tensors a stage makes, in seconds.
        max_consecutive_failures: Internal errors in a row after which the stage is not serving.
    """

    weights_dir: Path
    device: str = "cpu"
    dtype: str = "float32"
    threads: int = 0
    max_batch: int = 8
    max_wait_ms: float = 2.0
    max_queue: int = 64
    tensor_ttl_s: float = 900.0
    max_consecutive_failures: int = 3

    def __post_init__(self) -> None:
        """Checks ranges."""
        super().__post_init__()
        if self.dtype not in ("float32", "bfloat16"):
            raise SettingsError(f"{PREFIX}DTYPE must be float32 or bfloat16")
        for name in ("max_batch", "max_queue", "max_consecutive_failures"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{PREFIX}{name.upper()} must be at least 1")


@dataclass(frozen=True, kw_only=True, repr=False)
class ReasonerSettings(StageSettings):
    """What the reasoner reads besides.

    Attributes:
        quantisation: How the language model's layers are kept: "none", "int8" or "int4"; the last
            two need the extra `quantised`.
        adapters_dir: Folder of LoRA adapters that requests may name (extra `adapters`); None takes
            none. What is put there later is found when it is asked for.
        prefix_limit_bytes: Memory on the device for what the language model read of images and
            marks before, so that another question about them reads the question only; 0 keeps
            nothing.
    """

    quantisation: str = "none"
    adapters_dir: Path | None = None
    prefix_limit_bytes: int = 64 * 2**20

    def __post_init__(self) -> None:
        """Checks the choice."""
        super().__post_init__()
        if self.quantisation not in ("none", "int8", "int4"):
            raise SettingsError(f"{PREFIX}QUANTISATION must be none, int8 or int4")
        if self.adapters_dir is not None and self.quantisation != "none":
            raise SettingsError(f"{PREFIX}ADAPTERS_DIR needs {PREFIX}QUANTISATION none")
        if self.prefix_limit_bytes < 0:
            raise SettingsError(f"{PREFIX}PREFIX_LIMIT_BYTES must be at least 0")


@dataclass(frozen=True, kw_only=True, repr=False)
class CallerSettings(ProcessSettings):
    """What a process that calls the stages reads besides.

    Attributes:
        image_encoder_addr, prompt_encoder_addr, reasoner_addr, mask_decoder_addr: Stages, as gRPC
            targets.
        retention_s: Life of a run's record, and of what a workflow wrote, after its end; the same
            for gateways and orchestrators.
    """

    image_encoder_addr: str = "127.0.0.1:50051"
    prompt_encoder_addr: str = "127.0.0.1:50052"
    reasoner_addr: str = "127.0.0.1:50053"
    mask_decoder_addr: str = "127.0.0.1:50054"
    retention_s: float = 21_600.0


SettingsT = TypeVar("SettingsT")


def read_settings(cls: type[SettingsT], environ: Mapping[str, str] | None = None) -> SettingsT:
    """Makes `cls`, a dataclass, from `environ` (the process environment by default).

    Raises:
        SettingsError: A variable is missing, unknown or cannot be read.
    """
    environ = os.environ if environ is None else environ
    hints = typing.get_type_hints(cls)
    names = {PREFIX + f.name.upper(): f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for variable in environ:
        known = variable in names or variable.removesuffix(FILE_SUFFIX) in names
        if variable.startswith(PREFIX) and not known:
            raise SettingsError(_unknown(variable, names))
    values: dict[str, Any] = {}
    for variable, field in names.items():
        text = _text(environ, variable)
        if text:
            values[field.name] = _parse(variable, text, hints[field.name])
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise SettingsError(f"{variable} is not set")
    return cls(**values)


def describe(settings: object) -> dict[str, object]:
    """The settings for a log line: secrets and passwords in URLs hidden."""
    shown: dict[str, object] = {}
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, field.name)
        if isinstance(value, str):
            value = re.sub(r"//[^/@]*@", "//***@", value)
        elif isinstance(value, Secret | Path):
            value = str(value)
        shown[field.name] = value
    return shown


def split_listen(listen: str, variable: str = PREFIX + "LISTEN") -> tuple[str, int]:
    """Splits "host:port" ("[::1]:0" for IPv6) into host and port.

    Raises:
        SettingsError: It is not host:port with a port in 0..65535.
    """
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise SettingsError(f"{variable} must be host:port, not {listen!r}")
    return host.strip("[]"), int(port)


def _text(environ: Mapping[str, str], variable: str) -> str:
    text = environ.get(variable, "")
    path = environ.get(variable + FILE_SUFFIX, "")
    if not path:
        return text
    if text:
        raise SettingsError(f"{variable} and {variable}{FILE_SUFFIX} are both set")
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable}{FILE_SUFFIX} names no readable file: {error}") from None


def _unknown(variable: str, names: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(variable, names, n=1)
    return f"{variable} is not a setting of this process" + (
        f"; did you mean {near[0]}?" if near else ""
    )


def _parse(variable: str, text: str, hint: Any) -> Any:
    if isinstance(hint, UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not NoneType)
    if typing.get_origin(hint) is tuple:
        item = typing.get_args(hint)[0]
        return tuple(_parse(variable, part.strip(), item) for part in text.split(",") if part)
    if hint is bool:
        if text.lower() not in ("true", "false", "1", "0"):
            raise SettingsError(f"{variable} must be true or false, not {text!r}")
        return text.lower() in ("true", "1")
    if hint not in (str, int, float, Path, Secret):
        raise TypeError(f"{variable}: settings cannot be of type {hint!r}")
    try:
        value = hint(text)
    except ValueError:
        raise SettingsError(f"{variable} must be of type {hint.__name__}, not {text!r}") from None
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        raise SettingsError(f"{variable} must be finite")
    return value
