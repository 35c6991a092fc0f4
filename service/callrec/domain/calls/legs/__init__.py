"""The legs of a call: who comes, goes, waits, is transferred, listens in, or talks with an application."""
