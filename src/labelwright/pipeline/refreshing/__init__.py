"""A run: what is stale is made again."""
