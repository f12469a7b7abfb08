"""Reports on several related tasks: what is in them, and how they are laid out."""
