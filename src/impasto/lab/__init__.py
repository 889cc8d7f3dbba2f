"""The laboratory: sweeps, batches and comparisons, measured and reported."""
