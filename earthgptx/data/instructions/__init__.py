"""Questions and answers made from the truth of an image, by templates with wide variety."""

from earthgptx.data.instructions.instruction import Instruction, MarkedSet
from earthgptx.data.instructions.marked import make_marked
from earthgptx.data.instructions.plain import make_plain

__all__ = ["Instruction", "MarkedSet", "make_marked", "make_plain"]
