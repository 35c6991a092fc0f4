"""Live calls: routes events of Asterisk to the call that they belong to, one worker per call."""
