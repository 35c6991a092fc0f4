"""User files in a process of their own: `processes` is the daemon's side, `__main__` the other."""
