"""What a model file says and holds: its contract, its container, and what was taught."""
