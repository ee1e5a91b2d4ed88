import pytest

from services.orchestrator.task_work.label_choice import chosen_label

KINDS = ("airport", "harbor", "storage tank", "tank", "bus")


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("harbor", "harbor"),
        ("A harbor.", "harbor"),
        ("the harbour", "harbor"),
        ("storage tanks", "storage tank"),
        ("this is a tank in the desert", "tank"),
        ("white storage tank", "storage tank"),
        ("buses", "bus"),
        ("forest", None),
        ("", None),
    ],
)
def test_an_answer_is_the_label_it_means(answer: str, label: str | None) -> None:
    assert chosen_label(answer, KINDS) == label


def test_without_labels_any_answer_will_do() -> None:
    assert chosen_label("An oil terminal.", ()) == "oil terminal"
    assert chosen_label("  ", ()) is None
