"""The painting loop and its parts; read paint.py first."""
