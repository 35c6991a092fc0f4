"""Finalizing ended recordings, and the catalog of stored recordings."""
