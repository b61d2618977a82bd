"""What a bundle answers to files: read, as batches of a network, and put into words."""
