"""callrec, the one command."""
