"""Starting, stopping, pausing: by a code on a phone, by an operator, and by a participant who opts out."""
