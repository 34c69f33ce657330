"""Trained model to one quantised ``.tflite`` that carries its contract."""
