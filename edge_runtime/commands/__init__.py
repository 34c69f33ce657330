"""The subcommands of ``img2imu`` that a device can run, one module each."""
