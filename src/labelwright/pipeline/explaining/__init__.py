"""Why a label is what it is."""
