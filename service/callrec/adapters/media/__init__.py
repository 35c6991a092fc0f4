"""Encoding of captures into media files."""
