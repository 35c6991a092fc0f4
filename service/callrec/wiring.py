"""The only module that imports everything: which adapter stands behind which port."""
