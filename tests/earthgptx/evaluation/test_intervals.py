import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthgptx.evaluation.intervals import Resamples, ratio_of_sums, wilson_interval
from earthgptx.evaluation.tally import Tally


def test_wilson_interval_has_the_textbook_values() -> None:
    # 8 of 10: (0.4902, 0.9433), as in Brown, Cai and DasGupta 2001.
    low, high = wilson_interval(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert wilson_interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500), st.floats(0, 1))
def test_a_wilson_interval_holds_its_share(total: int, share: float) -> None:
    right = round(share * total)
    low, high = wilson_interval(right, total)
    assert -1e-9 <= low <= right / total + 1e-9
    assert right / total - 1e-9 <= high <= 1 + 1e-9


def test_the_interval_of_a_mean_is_that_of_theory() -> None:
    values_N = np.random.default_rng(3).normal(5, 2, 400)
    tally = Tally(Resamples([str(i) for i in range(400)]))
    tally.mean("x", values_N)
    low, high = tally.intervals["x"]
    half = 1.96 * values_N.std() / 20
    assert low == pytest.approx(values_N.mean() - half, abs=0.03)
    assert high == pytest.approx(values_N.mean() + half, abs=0.03)


def test_samples_of_one_image_are_drawn_together() -> None:
    # Ten images of forty equal samples each know no more than ten samples.
    each_image = np.random.default_rng(1).normal(0, 1, 10)
    values_N = np.repeat(each_image, 40)
    images = np.repeat([str(i) for i in range(10)], 40).tolist()
    together, alone = Tally(Resamples(images)), Tally(Resamples([str(i) for i in range(400)]))
    together.mean("x", values_N)
    alone.mean("x", values_N)
    width = {
        k: t.intervals["x"][1] - t.intervals["x"][0] for k, t in {1: together, 0: alone}.items()
    }
    assert width[1] > 4 * width[0]


def test_intervals_are_the_same_every_time_and_for_every_order_of_images() -> None:
    statistics = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]])
    first = Resamples(["a", "b", "c"]).interval(statistics, ratio_of_sums)
    again = Resamples(["a", "b", "c"]).interval(statistics, ratio_of_sums)
    turned = Resamples(["c", "b", "a"]).interval(statistics[::-1], ratio_of_sums)
    assert first == again == turned


def test_a_share_of_one_still_has_a_width() -> None:
    tally = Tally(Resamples([str(i) for i in range(50)]))
    tally.share("x", [True] * 50)
    assert tally.scores["x"] == 1.0
    assert tally.intervals["x"] == (pytest.approx(wilson_interval(50, 50)[0]), 1.0)


def test_a_ratio_of_nothing_is_what_was_said_and_has_no_interval() -> None:
    tally = Tally(Resamples(["a", "b"]))
    tally.ratio("x", np.zeros(2), np.zeros(2), otherwise=0.25)
    assert tally.scores["x"] == 0.25
    assert "x" not in tally.intervals
