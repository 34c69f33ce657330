"""Contrastive pre-training on photographs, with augmentations made for sensors."""
