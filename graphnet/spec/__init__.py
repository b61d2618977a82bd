"""What a person writes: JSON text in, checked GraphSpec out. Nothing here computes."""
