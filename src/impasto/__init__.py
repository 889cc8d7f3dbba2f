"""impasto repaints a photograph in the manner of a painting (neural style transfer)."""

__version__ = "0.1.0"
