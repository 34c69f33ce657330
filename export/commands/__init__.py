"""The subcommands of ``export``, one module each."""
