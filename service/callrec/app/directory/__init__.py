"""Users, lines and feature codes: records, user files, and the store that holds them."""
