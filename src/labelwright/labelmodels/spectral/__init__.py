"""Moments: eigenvectors, tensors, triplets."""
