"""What a bundle answers over HTTP: bodies read, gathered, computed, and put into words."""
