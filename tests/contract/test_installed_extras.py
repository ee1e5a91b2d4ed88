"""An extra that pip installs into a new environment brings all that is imported with it.

`make test` installs two that are light, where pip reaches an index; `make extras` installs all.
"""

from pathlib import Path

import pytest

from tests.contract.extras import EXTRAS, Extra, assert_all_and_no_more
from tests.contract.installed_environment import build_wheel, index_in_reach, installed_environment

# Of the default run; the others take minutes.
LIGHT = {None, "gateway"}
# As long as fetching everything may take; from pip's cache it is half a minute.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def every_extra(request: pytest.FixtureRequest) -> bool:
    """Whether all extras were asked for, not the light ones alone."""
    return bool(request.config.getoption("--every-extra"))


@pytest.fixture(scope="module")
def wheel(every_extra: bool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite's wheel. Without an index nothing can be installed: no failure unless asked for."""
    if not index_in_reach():
        give_up = pytest.fail if every_extra else pytest.skip
        give_up("pip reaches no index that has the versions of requirements/versions.txt")
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def extra(request: pytest.FixtureRequest, every_extra: bool) -> Extra:
    wanted: Extra = request.param
    if wanted.name not in LIGHT and not every_extra:
        pytest.skip("takes minutes with the others: `make extras` installs it")
    return wanted


@pytest.mark.parametrize("extra", EXTRAS, ids=str, indirect=True)
def test_an_extra_installed_alone_brings_what_is_imported_with_it_and_no_more(
    extra: Extra, wheel: Path
) -> None:
    with installed_environment(wheel, extra) as python:
        assert_all_and_no_more(python, extra)
