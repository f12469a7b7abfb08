"""Projects with several tasks: labelling them together, and what is shown of it."""
