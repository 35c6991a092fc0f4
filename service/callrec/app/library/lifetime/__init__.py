"""How long stored recordings stay: retention classes, holds, and erasure."""
