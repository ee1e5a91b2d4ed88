import subprocess
import sys

import shared
from tests.contract.tree import ROOT, module_name, sources

# Runs in a fresh interpreter: imports every module and reports what importing did to the world.
# urllib3 (below the S3 client) binds a socket on import, to ask the kernel for IPv6; that
# is its own doing and not watched.
PROBE = """
import importlib, sys, threading
import urllib3
seen = []
def watch(event, arguments):
    if event in {"socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.mkdir"}:
        seen.append((event, str(arguments)[:200]))
    elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        if "__pycache__" not in str(arguments[0]):
            seen.append((event, str(arguments)[:200]))
sys.addaudithook(watch)
for name in sys.argv[1:]:
    importlib.import_module(name)
threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
print(seen, threads)
sys.exit(1 if seen or threads else 0)
"""


def test_shared_is_the_one_of_this_tree() -> None:
    assert shared.__file__ == str(ROOT / "shared" / "__init__.py")


def test_importing_the_torch_free_part_does_nothing_to_the_world() -> None:
    torch_free = (
        "shared",
        "earthgptx/imagery",
        "earthgptx/scenes",
        "earthgptx/exports",
        "earthgptx_client",
        "launcher",
        "workflow_language",
        "services/gateway",
        "services/orchestrator",
    )
    bridges_to_torch = {"shared.tensors.torch_bridge"}
    modules = [module_name(path) for path in sources(*torch_free)]
    assert_free_import([name for name in modules if name not in bridges_to_torch])


def assert_free_import(modules: list[str]) -> None:
    wanted = [name for name in modules if not name.endswith("__main__")]
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        [sys.executable, "-c", PROBE, *wanted],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_client_and_the_shared_layer_load_no_torch() -> None:
    code = "import sys, earthgptx_client, shared.serving, earthgptx.imagery.read; "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_every_folder_of_source_is_a_package() -> None:
    packages = ("shared", "services", "earthgptx", "launcher", "workflow_language")
    folders = {path.parent for path in sources(*packages)}
    assert [str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").exists()] == []


def test_every_command_of_the_model_answers_when_it_is_called_for_help() -> None:
    # Each in its own interpreter: what one module imports first must not help the next.
    commands = [
        module_name(path)
        for path in sources("earthgptx")
        if '__name__ == "__main__"' in path.read_text()
    ]
    assert "earthgptx.training.export" in commands
    asked = {
        name: subprocess.Popen(
            [sys.executable, "-m", name.removesuffix(".__main__"), "--help"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name in commands
    }
    told = {
        name: (process.communicate(timeout=100)[0], process.returncode)
        for name, process in asked.items()
    }
    assert {name: said for name, (said, code) in told.items() if code or "usage:" not in said} == {}
