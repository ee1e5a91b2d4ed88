"""A workflow as its author wrote it: the form is right, the meaning is not checked yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from workflow_language.document import Json
from workflow_language.value_types import ValueType

Priority = Literal["interactive", "normal", "batch"]
PRIORITIES: tuple[Priority, ...] = ("interactive", "normal", "batch")
MODALITIES = ("optical", "sar", "infrared")

LIMIT_INPUTS = 50
LIMIT_STEPS = 200
LIMIT_OUTPUTS = 50
LIMIT_RETRIES = 10
LIMIT_IN_FLIGHT = 64
LIMIT_ITEMS = 10_000
LIMIT_DEADLINE_S = 86_400.0
ITEM = "item"


@dataclass(frozen=True, slots=True)
class Policy:
    """How a step is run.

    Attributes:
        retries: further attempts after one that failed for a passing reason.
        deadline_s: for one run of the step, all attempts together; an item of `for_each` is a run.
        priority: who goes first where there is a queue.
        in_flight: items of `for_each` at a time.
    """

    retries: int = 2
    deadline_s: float = 120.0
    priority: Priority = "normal"
    in_flight: int = 4


@dataclass(frozen=True, slots=True)
class Input:
    """What a run is given.

    Attributes:
        type: what it is.
        description: for people.
        default: taken where it is not given; None means it must be.
        at_most: most items, where it holds items.
        modality: what sensor a scene or image is of; empty if that is not known.
    """

    type: ValueType
    description: str = ""
    default: Json = None
    at_most: int | None = None
    modality: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        id: its name.
        task: name of the task.
        arguments: `with`: literals, references, texts with references in them, lists of these.
        for_each: a reference or a list of which each item is a run of its own; None if it is one.
        item: what the item is called.
        at_most: most items; None leaves it to what `for_each` names.
        when: a condition; empty for always.
        own_policy: what the step itself says, as far as it does.
        policy: with what the workflow says for all steps.
    """

    id: str
    task: str
    arguments: Mapping[str, Json] = field(default_factory=dict)
    for_each: Json = None
    item: str = ITEM
    at_most: int | None = None
    when: str = ""
    own_policy: Mapping[str, Json] = field(default_factory=dict)
    policy: Policy = Policy()


@dataclass(frozen=True, slots=True)
class Definition:
    """A workflow.

    Attributes:
        name: of the workflow.
        description: for people.
        inputs: by name.
        defaults: what every step's policy starts from, as far as it is said.
        steps: in the order in which they are written, which means nothing.
        outputs: by name, the reference to what it is.
    """

    name: str
    description: str = ""
    inputs: Mapping[str, Input] = field(default_factory=dict)
    defaults: Mapping[str, Json] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
