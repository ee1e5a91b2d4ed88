"""An extra brings all that is imported with it: an undeclared import fails here, offline too.

What pip really installs is tried by test_installed_extras.py; here every extra is tried in
seconds, from what the running environment has.
"""

from pathlib import Path

import pytest

from tests.contract.extras import EXTRAS, Extra, assert_all_and_no_more, run_python
from tests.contract.linked_environment import linked_environment

pytestmark = pytest.mark.timeout(120)


@pytest.mark.slow
@pytest.mark.parametrize("extra", EXTRAS, ids=str)
def test_an_extra_linked_alone_brings_what_is_imported_with_it_and_no_more(
    extra: Extra, tmp_path: Path
) -> None:
    assert_all_and_no_more(linked_environment(tmp_path, extra.name), extra)


def test_without_its_extra_a_service_is_not_imported(tmp_path: Path) -> None:
    done = run_python(linked_environment(tmp_path, None), "import services.gateway.__main__")
    assert "ModuleNotFoundError" in done.stderr
