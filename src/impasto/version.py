"""The version of the program; it imports nothing, so that everybody can ask it."""

__version__ = "0.2.0.dev0"
