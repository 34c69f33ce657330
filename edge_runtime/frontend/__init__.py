"""The front end: one definition for training, export, the live runtime and, through golden vectors, other languages."""

from edge_runtime.frontend.images import Features, FrontEnd, FrontEndStream

__all__ = ["Features", "FrontEnd", "FrontEndStream"]
