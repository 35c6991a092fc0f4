"""Encryption at rest: encrypts recordings that are there, enters them, and looks after the master keys."""
