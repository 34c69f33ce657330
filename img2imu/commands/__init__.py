"""Subcommands of the trainer, one module each."""
