"""What the use cases need of the outside. Adapters provide it; `wiring` joins them."""
