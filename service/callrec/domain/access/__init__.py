"""Who may do what, and what is logged of it."""
