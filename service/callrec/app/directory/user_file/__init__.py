"""User files: import, export, and the jobs that do both away from the calls."""
