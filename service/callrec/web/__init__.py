"""The HTTP door: health, metrics, API and pages."""
