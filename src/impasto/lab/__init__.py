"""The laboratory: features, sweeps, batches and comparisons, measured and reported."""
