"""Files <-> pixels <-> tensors."""
