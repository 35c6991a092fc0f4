"""Webhooks: receivers of events over HTTP, and the rules of delivery. Pure."""
