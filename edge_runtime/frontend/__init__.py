"""The front end: from a window of samples to the network's input.

Training, export and the live runtime all use this definition. Implementations in other languages
are checked against it with golden vectors.
"""

from edge_runtime.frontend.images import Features, FrontEnd, FrontEndStream

__all__ = ["Features", "FrontEnd", "FrontEndStream"]
