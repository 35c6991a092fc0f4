"""Webhooks: from the stream of events into the outbox on disk, and from there to the receivers."""
