"""Redis and Valkey: the tables, the flags, the index, the events."""
