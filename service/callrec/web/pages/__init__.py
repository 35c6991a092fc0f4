"""Pages that need no token: health, metrics, the status page."""
