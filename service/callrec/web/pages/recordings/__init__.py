"""Audio files: the list, and the page of one recording."""
