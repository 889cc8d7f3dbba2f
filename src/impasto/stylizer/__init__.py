"""The stylizer: a feed-forward network that paints in one pass."""
