"""Audit: who did what, with the proof that nothing of it was changed."""
