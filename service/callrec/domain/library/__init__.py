"""Stored recordings: file names, missing audio, and the assessment of a recording."""
