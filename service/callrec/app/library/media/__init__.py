"""The audio of stored recordings on its way out: found, checked, re-encoded, exported, and logged before the first byte."""
