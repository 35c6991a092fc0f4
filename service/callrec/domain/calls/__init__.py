"""Live calls: who is in them, what is recorded, and the state machine of a recording."""
