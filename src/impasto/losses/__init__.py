"""What a pastiche is asked to be: content loss, style loss, total variation, and their sum."""
