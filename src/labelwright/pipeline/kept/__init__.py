"""What a run kept, written and read again."""
