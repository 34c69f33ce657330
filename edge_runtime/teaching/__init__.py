"""Teaching on the device: from recordings to examples, and from examples to a model file."""

from edge_runtime.teaching.examples import Lesson
from edge_runtime.teaching.review import Confusion, Review
from edge_runtime.teaching.teacher import Teacher

__all__ = ["Confusion", "Lesson", "Review", "Teacher"]
