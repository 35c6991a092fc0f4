"""User files: the CSV text, its rules, and what it changes in the tables."""
