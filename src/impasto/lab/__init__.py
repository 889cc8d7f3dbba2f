"""Experiments: what a researcher looks at."""
