"""Redis and Valkey: tables, flags, index of recordings, events."""
