"""Painting in one pass: a feed-forward network for any painting, and its training."""
