import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.settings import (
    NO_SECRET,
    ProcessSettings,
    ReasonerSettings,
    Secret,
    SettingsError,
    StageSettings,
    describe,
    read_settings,
    split_listen,
)

KEY = "k" * 32
STAGE = {"EARTHGPTX_SUITE_KEY": KEY, "EARTHGPTX_WEIGHTS_DIR": "/weights"}


@dataclass(frozen=True, kw_only=True)
class Every:
    name: str
    count: int = 1
    share: float = 0.5
    on: bool = False
    folder: Path | None = None
    hosts: tuple[str, ...] = ()
    key: Secret = NO_SECRET


def test_every_type_is_read_from_its_variable() -> None:
    environ = {
        "EARTHGPTX_NAME": "a",
        "EARTHGPTX_COUNT": "3",
        "EARTHGPTX_SHARE": "0.25",
        "EARTHGPTX_ON": "true",
        "EARTHGPTX_FOLDER": "/x",
        "EARTHGPTX_HOSTS": "a, b",
        "EARTHGPTX_KEY": "s",
        "PATH": "/bin",
    }
    assert read_settings(Every, environ) == Every(
        name="a", count=3, share=0.25, on=True, folder=Path("/x"), hosts=("a", "b"), key=Secret("s")
    )


def test_a_value_is_read_from_the_file_that_its_variable_names(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    environ = {"EARTHGPTX_NAME": "a", "EARTHGPTX_KEY_FILE": str(tmp_path / "key")}
    assert read_settings(Every, environ).key == Secret("s3cret")


def test_a_file_that_cannot_be_read_is_named_with_its_variable(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(SettingsError, match=r"EARTHGPTX_NAME_FILE .*" + re.escape(path.name)):
            read_settings(Every, {"EARTHGPTX_NAME_FILE": str(path)})


def test_a_value_given_twice_is_refused(tmp_path: Path) -> None:
    environ = {"EARTHGPTX_NAME": "a", "EARTHGPTX_NAME_FILE": str(tmp_path)}
    with pytest.raises(SettingsError, match="EARTHGPTX_NAME and EARTHGPTX_NAME_FILE are both set"):
        read_settings(Every, environ)


def test_an_empty_variable_counts_as_unset() -> None:
    assert read_settings(Every, {"EARTHGPTX_NAME": "a", "EARTHGPTX_COUNT": ""}).count == 1


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "EARTHGPTX_NAME is not set"),
        ({"EARTHGPTX_NAME": "a", "EARTHGPTX_COUNT": "x"}, "EARTHGPTX_COUNT must be of type int"),
        ({"EARTHGPTX_NAME": "a", "EARTHGPTX_SHARE": "nan"}, "EARTHGPTX_SHARE must be finite"),
        ({"EARTHGPTX_NAME": "a", "EARTHGPTX_ON": "maybe"}, "EARTHGPTX_ON must be true or false"),
        ({"EARTHGPTX_NAME": "a", "EARTHGPTX_CUONT": "1"}, "did you mean EARTHGPTX_COUNT"),
    ],
)
def test_a_wrong_environment_is_refused_by_name(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings(Every, environ)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SUITE_KEY", "short"),
        ("LOG_LEVEL", "LOUD"),
        ("DTYPE", "float16"),
        ("MAX_BATCH", "0"),
        ("MAX_QUEUE", "0"),
        ("QUANTISATION", "int3"),
        ("PREFIX_LIMIT_BYTES", "-1"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"EARTHGPTX_{variable}"):
        read_settings(ReasonerSettings, STAGE | {f"EARTHGPTX_{variable}": value})


def test_no_secret_and_no_password_is_shown() -> None:
    settings = read_settings(
        StageSettings,
        STAGE
        | {
            "EARTHGPTX_OBJECT_STORE_SECRET_KEY": "hush-hush",
            "EARTHGPTX_TENSOR_REDIS_URL": "redis://:pass-word@host:6379/0",
        },
    )
    for text in (repr(settings), str(describe(settings)), f"{settings.suite_key}"):
        assert KEY not in text
        assert "hush" not in text
        assert "pass-word" not in text
    assert settings.object_store_secret_key.reveal() == "hush-hush"


def test_the_same_settings_are_equal_and_other_secrets_differ() -> None:
    assert ProcessSettings(suite_key=Secret(KEY)) == ProcessSettings(suite_key=Secret(KEY))
    assert Secret("a") != Secret("b")


def test_listen_is_host_and_port() -> None:
    assert split_listen("0.0.0.0:50051") == ("0.0.0.0", 50051)
    assert split_listen("[::1]:0") == ("::1", 0)
    for bad in ("host", ":1", "host:x", "host:70000"):
        with pytest.raises(SettingsError):
            split_listen(bad)
