"""The corpus is read by other interpreters, and is no test itself."""

collect_ignore = ["corpus"]
