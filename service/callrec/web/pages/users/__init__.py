"""Users: their list, their forms, import and export, function keys."""
