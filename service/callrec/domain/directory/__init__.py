"""Users, lines and feature codes, and the rules of the file that imports them."""
