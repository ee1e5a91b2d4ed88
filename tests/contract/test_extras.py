"""An extra brings all that its service imports: an undeclared import fails here."""

from pathlib import Path

import pytest

from tests.contract.fresh_environment import fresh_python, run_python
from tests.contract.tree import SERVICES, hyphenated

pytestmark = pytest.mark.timeout(120)


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_imported_with_its_own_extra_alone(service: str, tmp_path: Path) -> None:
    python = fresh_python(tmp_path, hyphenated(service))
    done = run_python(python, f"import services.{service}.__main__")
    assert done.returncode == 0, done.stderr


def test_scenes_and_their_files_are_imported_with_their_own_extra_alone(tmp_path: Path) -> None:
    python = fresh_python(tmp_path, "scenes")
    program = "import earthgptx.scenes.command, earthgptx.scenes.spool, earthgptx.exports.export"
    done = run_python(python, f"{program}, sys; sys.exit('torch' in sys.modules)")
    assert done.returncode == 0, done.stderr


def test_the_client_and_its_command_need_no_extra(tmp_path: Path) -> None:
    python = fresh_python(tmp_path, None)
    program = "import earthgptx_client, earthgptx_client.command as c; c.main(['--help'])"
    done = run_python(python, program)
    assert done.returncode == 0, done.stderr
    assert "ask" in done.stdout


@pytest.mark.parametrize(
    ("extra", "missing"),
    [(None, "torch"), (None, "celery"), (None, "rasterio"), ("gateway", "torch")],
)
def test_what_is_not_asked_for_is_not_there(
    extra: str | None, missing: str, tmp_path: Path
) -> None:
    done = run_python(fresh_python(tmp_path, extra), f"import {missing}")
    assert "ModuleNotFoundError" in done.stderr


def test_without_its_extra_a_service_is_not_imported(tmp_path: Path) -> None:
    done = run_python(fresh_python(tmp_path, None), "import services.gateway.__main__")
    assert "ModuleNotFoundError" in done.stderr
