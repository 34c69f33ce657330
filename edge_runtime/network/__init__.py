"""The network in a model file: loading, inference, and checking that a device computes it right."""
