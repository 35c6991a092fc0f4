"""From an ended recording to its stored file, and the checks of what that file lacks."""
