"""The network: the interpreter that runs it, and the check that it answers as it should."""
