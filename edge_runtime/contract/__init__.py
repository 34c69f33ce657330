"""The content of a model file: its contract, the network, golden vectors, and what was taught."""
