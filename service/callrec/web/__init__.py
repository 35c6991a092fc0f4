"""The HTTP server: health, metrics, API and pages."""
