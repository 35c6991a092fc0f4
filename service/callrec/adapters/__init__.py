"""Adapters: thin implementations of the ports, without decisions."""
