"""Teaching on the device: recordings to examples, examples to a model file, and what can be expected of it."""

from edge_runtime.teaching.examples import Lesson
from edge_runtime.teaching.review import Confusion, Review
from edge_runtime.teaching.teacher import Teacher

__all__ = ["Confusion", "Lesson", "Review", "Teacher"]
