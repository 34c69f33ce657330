"""From a torch module to ``.tflite``, by two independent routes."""
