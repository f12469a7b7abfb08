"""Claims about items with many values."""
