"""The default label model and the experts that it chooses among."""
