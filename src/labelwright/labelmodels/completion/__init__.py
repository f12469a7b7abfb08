"""Matrix completion: accuracies from pairs of votes."""
