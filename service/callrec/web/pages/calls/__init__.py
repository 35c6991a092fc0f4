"""Live: the calls of this moment, and what is asked of their recordings."""
