"""How the stylizer is trained."""
