"""Lists of jobs: what one is, the folder that keeps them, and who runs them."""
