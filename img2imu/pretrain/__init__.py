"""Sensor-aware contrastive pre-training on photographs."""
