from __future__ import annotations

from dataclasses import replace

from services.orchestrator.workflows.companies import IN_NO_HURRY_S, Companies
from shared.workflow_runs.views import UnitClaim

CLAIM = UnitClaim(
    run_id="r",
    unit="seen#0",
    step="seen",
    item=0,
    phase="item",
    task="segment",
    fence=1,
    attempt=1,
    failures=0,
    exhausted=False,
    error="",
    tenant="alpha",
    definition_digest="",
    priority="normal",
    retries=2,
    in_flight=4,
    remaining_s=2 * IN_NO_HURRY_S,
    run_remaining_s=100.0,
    produced={},
)


def test_units_of_one_step_of_one_run_are_company() -> None:
    companies = Companies()
    with (
        companies.joined(CLAIM) as one,
        companies.joined(replace(CLAIM, unit="seen#1")) as two,
        companies.joined(replace(CLAIM, step="found")) as of_another_step,
        companies.joined(replace(CLAIM, run_id="s")) as of_another_run,
    ):
        assert (one(), two(), of_another_step(), of_another_run()) == (2, 2, 1, 1)
    with companies.joined(CLAIM) as one:
        assert one() == 1


def test_a_unit_with_little_time_left_has_no_company() -> None:
    companies = Companies()
    late = replace(CLAIM, remaining_s=IN_NO_HURRY_S / 2)
    with companies.joined(CLAIM) as company, companies.joined(late) as company_of_the_late:
        assert (company(), company_of_the_late()) == (2, 1)
