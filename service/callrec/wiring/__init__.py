"""Which adapter stands behind which port: the only package that imports everything. It constructs, and decides nothing."""
