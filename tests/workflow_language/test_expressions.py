from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_language.expressions.checking import check_condition
from workflow_language.expressions.evaluation import Value, holds
from workflow_language.expressions.parsing import BadCondition, parse_condition
from workflow_language.expressions.syntax import (
    Comparison,
    Expression,
    Field,
    Joined,
    Literal,
    Not,
    references_in,
    written,
)
from workflow_language.references import Reference
from workflow_language.value_types import BOOLEAN, NUMBER, REGION_FIELDS, TEXT, ValueType, list_of

TYPES = {"number": NUMBER, "kind": TEXT, "night": BOOLEAN, "kinds": list_of(TEXT)}
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: name not in {"and", "or", "not", "in", "contains", "true", "false"}
)
TEXTS = st.text(st.characters(exclude_characters="'\"", codec="utf-8"), max_size=8)
NUMBERS = st.integers(-(10**9), 10**9) | st.floats(-(10**6), 10**6).map(lambda x: round(x, 6))
CONSTANTS = TEXTS | NUMBERS | st.booleans()
OPERANDS = st.one_of(
    CONSTANTS.map(Literal),
    st.lists(CONSTANTS, max_size=3).map(lambda items: Literal(tuple(items))),
    NAMES.map(Field),
    st.lists(NAMES, min_size=1, max_size=3).map(lambda path: Reference(path[0], tuple(path[1:]))),
)
OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "contains"])
COMPARISONS = st.builds(Comparison, OPERATORS, OPERANDS, OPERANDS)


def joined(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.builds(Joined, st.sampled_from(["and", "or"]), several) | st.builds(Not, parts)


CONDITIONS = st.recursive(COMPARISONS, joined, max_leaves=6)


def truth(text: str, fields: Mapping[str, Value] | None = None, **values: Value) -> bool:
    return holds(parse_condition(text), lambda ref: values.get(ref.name), fields or {})


@given(CONDITIONS)
@settings(max_examples=100, deadline=None)
def test_a_written_condition_reads_back_as_the_same(condition: Expression) -> None:
    assert parse_condition(written(condition)) == condition


@given(CONDITIONS, CONDITIONS)
@settings(max_examples=60, deadline=None)
def test_not_and_and_or_obey_de_morgan(one: Expression, other: Expression) -> None:
    def value(condition: Expression) -> bool:
        return holds(condition, lambda _: 1, {"a": "x", "b": 2})

    both, either = Joined("and", (one, other)), Joined("or", (one, other))
    assert value(Not(both)) == value(Joined("or", (Not(one), Not(other))))
    assert value(Not(either)) == value(Joined("and", (Not(one), Not(other))))


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_condition_or_is_refused(text: str) -> None:
    try:
        parse_condition(text)
    except BadCondition as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$n > 2", True),
        ("$n > 3", False),
        ("$n >= 3 and $n <= 3", True),
        ("not $n == 3 or 1 < 2", True),
        ("$kind contains 'ARB'", True),
        ("'ship' in ['ship', 'boat']", True),
        ("$n in [1, 2]", False),
        ("$night", True),
        ("not $night", False),
        ("$missing == 1", False),
        ("$missing != 1", False),
        ("not ($missing == 1)", True),
    ],
)
def test_conditions_hold_as_they_read(text: str, expected: bool) -> None:
    assert truth(text, n=3, kind="harbour", night=True) is expected


def test_fields_are_those_of_the_region() -> None:
    region = {"label": "ship", "score": 0.4, "area_m2": None}
    assert truth("label == 'ship' and score > 0.3", region)
    assert not truth("area_m2 > 0", region)
    assert not truth("area_m2 <= 0", region)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the end at character 1, where a value"),
        ("1 <", "the end at character 4"),
        ("1 < 2 3", "'3' at character 7"),
        ("(1 < 2", "where ) should be"),
        ("score = 1", "cannot be read from character 7"),
        ("__import__('os')", "cannot be read"),
        ("a.b == 1", "cannot be read"),
        ("1 < 2 < 3", "'<' at character 7"),
        ("(" * 40 + "1 < 2" + ")" * 40, "deeper than 20"),
        ("not " * 40 + "1 < 2", "deeper than 20"),
        ("1 < 2 or " * 200 + "1 < 2", "more than 1,000"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(BadCondition) as refused:
        parse_condition(text)
    assert words in str(refused.value)


def type_of(reference: Reference) -> ValueType | None:
    return TYPES.get(reference.name)


@pytest.mark.parametrize(
    "text",
    [
        "$number > 1 and label == $kind",
        "label in $kinds",
        "$night or score < $number",
        "label contains 'ship'",
        "$unknown_elsewhere > 'x'",
    ],
)
def test_operands_that_fit_are_accepted(text: str) -> None:
    check_condition(parse_condition(text), type_of, REGION_FIELDS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$number", "is a number, not true or false"),
        ("label > 'a'", "a text > a text"),
        ("score == 'high'", "a number == a text"),
        ("$kinds == 'a'", "a list of text cannot be compared"),
        ("label in [1, 2]", "a text in a list of number"),
        ("label in ['a', 2]", "mixes types"),
        ("lable == 'ship'", "did you mean label?"),
        ("not score", "is a number"),
    ],
)
def test_operands_that_do_not_fit_are_refused(text: str, words: str) -> None:
    with pytest.raises(BadCondition) as refused:
        check_condition(parse_condition(text), type_of, REGION_FIELDS)
    assert words in str(refused.value)


def test_bare_names_mean_nothing_outside_a_filter() -> None:
    with pytest.raises(BadCondition, match=r"write \$number for an input or a step"):
        check_condition(parse_condition("number > 1"), type_of, {})


def test_references_come_in_the_order_in_which_they_are_written() -> None:
    found = references_in(parse_condition("$a > 1 and (not $b.c or $a == $d)"))
    assert [str(each) for each in found] == ["$a", "$b.c", "$a", "$d"]
