"""The audit log: its entries, its pages, and the checks that prove what it says of recordings."""
