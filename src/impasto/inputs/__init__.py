"""What is painted from: paintings, regions, style files, and the run's inputs as one value."""
