"""Which sources depend on each other."""
