import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import QueueFull
from shared.rpc_context import PRIORITIES, Priority
from shared.waiting_line import ONE_OF, WaitingLine


def line_of(*members: tuple[int, Priority], limit: int = 100) -> WaitingLine[int]:
    line: WaitingLine[int] = WaitingLine(limit)
    for member, priority in members:
        line.join(member, priority, retry_after_s=1.0)
    return line


def taken(line: WaitingLine[int], most: int) -> list[int]:
    return [member for member, _ in line.take(most)]


def test_the_pressing_pass_the_others_and_each_class_keeps_its_order() -> None:
    line = line_of((1, "batch"), (2, "normal"), (3, "interactive"), (4, "normal"), (5, "batch"))
    assert taken(line, 5) == [3, 2, 4, 1, 5]
    assert len(line) == 0


def test_the_last_place_of_a_batch_is_that_of_whoever_has_waited_longest() -> None:
    line = line_of((1, "batch"), *((n, "interactive") for n in range(2, 8)))
    assert taken(line, 3) == [2, 3, 1]


def test_where_a_batch_has_one_place_the_pressing_have_it() -> None:
    line = line_of((1, "batch"), (2, "interactive"))
    assert taken(line, 1) == [2]


def test_bulk_work_leaves_room_for_those_who_wait() -> None:
    line = line_of(*((n, "batch") for n in range(4)), limit=8)
    with pytest.raises(QueueFull) as refused:
        line.join(4, "batch", retry_after_s=2.5)
    assert refused.value.limit == "4 requests"
    assert refused.value.retry_after_s == 2.5
    for n in range(5, 7):
        line.join(n, "normal", retry_after_s=1.0)
    with pytest.raises(QueueFull):
        line.join(7, "normal", retry_after_s=1.0)
    for n in range(8, 10):
        line.join(n, "interactive", retry_after_s=1.0)
    with pytest.raises(QueueFull):
        line.join(10, "interactive", retry_after_s=1.0)


@given(companies=st.lists(st.integers(0, 10**9), min_size=1, max_size=9), most=st.integers(1, 64))
def test_a_share_of_those_under_way_is_worth_a_batch(companies: list[int], most: int) -> None:
    line = line_of()
    for member, company in enumerate(companies):
        line.join(member, "normal", retry_after_s=1.0, company=company)
    assert line.worth(most) == max(1, min(most, max(companies) // ONE_OF))
    line.join(-1, "interactive", retry_after_s=1.0)
    assert line.worth(most) == 1
    line.take(100)
    assert line.worth(most) == 1


def test_only_those_who_fit_are_taken() -> None:
    line = line_of((1, "normal"), (2, "interactive"), (3, "interactive"))
    assert [m for m, _ in line.take(5, lambda member: member % 2 == 1)] == [3, 1]
    assert list(line) == [2]


@given(st.lists(st.sampled_from(PRIORITIES), max_size=40), st.integers(1, 9))
def test_everybody_is_served_once_however_the_batches_fall(
    classes: list[Priority], most: int
) -> None:
    line = line_of(*enumerate(classes))
    served: list[int] = []
    while len(line):
        served += taken(line, most)
    assert sorted(served) == list(range(len(classes)))
