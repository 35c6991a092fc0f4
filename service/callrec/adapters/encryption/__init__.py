"""Encryption at rest: where master keys come from, recording keys beside recordings, and files as their content.

Every primitive is of the package `cryptography`: AES-256-GCM and HKDF-SHA-256.
"""
