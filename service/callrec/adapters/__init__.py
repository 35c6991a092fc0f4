"""The outside: thin, without decisions."""
