"""System: how the service does, and what an administrator does about it."""
