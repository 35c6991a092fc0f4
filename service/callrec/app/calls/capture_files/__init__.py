"""The files of open captures: which file belongs to which call, and what their growth tells."""
