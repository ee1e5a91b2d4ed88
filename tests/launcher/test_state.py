import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from earthgptx_client.suite_state import SuiteAddress, read_suite_address, state_dir
from launcher.cores import usable_cores
from launcher.errors import LaunchError
from launcher.plan import STAGES, find_weights, plan_suite
from launcher.ports import free_ports
from launcher.redis_servers import find_server, write_config
from launcher.state import Lock, StateFolder, held, load_secrets


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path):
    folder = StateFolder(tmp_path / "state")
    folder.make()
    first = load_secrets(folder)
    assert load_secrets(folder) == first
    assert len(first.suite_key) >= 32
    for path in (folder.api_key_file, folder.api_keys_file, folder.root / "secrets.json"):
        assert _mode(path) == 0o600
    assert _mode(folder.root) == 0o700


def test_the_key_file_of_the_gateway_holds_no_key(tmp_path: Path):
    folder = StateFolder(tmp_path)
    folder.make()
    secrets = load_secrets(folder)
    assert secrets.api_key not in folder.api_keys_file.read_text()
    assert json.loads(folder.api_keys_file.read_text())[0]["tenant"] == "local"


def test_a_damaged_secrets_file_is_made_anew(tmp_path: Path):
    (tmp_path / "secrets.json").write_text("{half")
    folder = StateFolder(tmp_path)
    assert len(load_secrets(folder).suite_key) >= 32


def test_a_lock_is_free_again_when_its_holder_is_killed(tmp_path: Path):
    path = tmp_path / "lock"
    program = (
        "import sys, pathlib, launcher.state as s;"
        "s.Lock(pathlib.Path(sys.argv[1])).take(); print('mine', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"mine\n"
        assert held(path)
        assert not Lock(path).take()
        holder.kill()
    assert not held(path)
    lock = Lock(path)
    assert lock.take()
    lock.release()


def test_two_checkouts_have_two_suites(tmp_path: Path):
    root = Path(__file__).parents[2]
    assert state_dir({}) == root / ".earthgptx"
    assert state_dir({"EARTHGPTX_STATE_DIR": str(tmp_path)}) == tmp_path


def test_the_client_finds_what_the_launcher_wrote(tmp_path: Path):
    folder = StateFolder(tmp_path)
    folder.make()
    assert read_suite_address(tmp_path) is None
    folder.write_suite({"address": "127.0.0.1:1"})
    key = load_secrets(folder).api_key
    assert read_suite_address(tmp_path) == SuiteAddress("127.0.0.1:1", key)


def test_free_ports_are_different_and_below_those_of_outgoing_connections():
    ports = free_ports(14)
    assert len(set(ports)) == 14
    assert max(ports) < 32_768


def test_the_plan_gives_each_process_only_what_it_reads(tmp_path: Path):
    folder = StateFolder(tmp_path)
    folder.make()
    environ = {**os.environ, "EARTHGPTX_THREADS": "1", "EARTHGPTX_ADDRESS": "elsewhere:1"}
    plans = plan_suite(folder, load_secrets(folder), tmp_path, 0, environ)
    by_name = {plan.name: plan for plan in plans}
    assert by_name["reasoner"].environment["EARTHGPTX_THREADS"] == "1"
    assert "EARTHGPTX_THREADS" not in by_name["gateway"].environment
    assert all("EARTHGPTX_ADDRESS" not in plan.environment for plan in plans)
    for stage in STAGES:
        address = by_name["gateway"].environment[f"EARTHGPTX_{stage.upper()}_ADDR"]
        assert address == f"127.0.0.1:{by_name[stage].port}"


def test_a_stage_has_half_of_the_cores_where_the_user_says_nothing(tmp_path: Path):
    folder = StateFolder(tmp_path)
    folder.make()
    plans = plan_suite(folder, load_secrets(folder), tmp_path, 0, {})
    threads = {plan.name: plan.environment.get("EARTHGPTX_THREADS") for plan in plans}
    for stage in STAGES:
        assert threads[stage] == str(max(usable_cores() // 2, 1))


def test_no_secret_is_in_a_command_line(tmp_path: Path):
    folder = StateFolder(tmp_path)
    folder.make()
    secrets = load_secrets(folder)
    for plan in plan_suite(folder, secrets, tmp_path, 0, {}):
        line = " ".join(plan.arguments)
        assert secrets.redis_password not in line
        assert secrets.suite_key not in line


def test_a_mistyped_variable_is_refused_by_name(tmp_path: Path):
    folder = StateFolder(tmp_path)
    folder.make()
    with pytest.raises(LaunchError, match="EARTHGPTX_THREDS") as caught:
        plan_suite(folder, load_secrets(folder), tmp_path, 0, {"EARTHGPTX_THREDS": "1"})
    assert caught.value.exit_code == 2


def test_a_folder_without_a_model_is_refused_by_flag(tmp_path: Path):
    with pytest.raises(LaunchError, match="--weights") as caught:
        find_weights(str(tmp_path), {})
    assert caught.value.exit_code == 2


def test_a_redis_server_is_found_without_one_on_the_path(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert os.access(find_server(), os.X_OK)


def test_the_configuration_of_a_server_takes_folders_with_spaces(tmp_path: Path):
    config = write_config(tmp_path / "a b", 20_001, "p", keeps=True)
    assert f'dir "{tmp_path}/a b"' in config.read_text()
    assert _mode(config) == 0o600
