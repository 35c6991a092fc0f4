"""Events for programs outside: followed in the store's stream, and passed on to subscribers."""
