"""The use cases behind the dialplan's FastAGI requests."""
