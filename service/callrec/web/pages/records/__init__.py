"""Forms and lists of the tables' records: one engine for users, lines, contexts, roles and all others."""
