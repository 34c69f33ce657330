"""What recognition costs on this device: start-up, latency, CPU share, memory."""
