"""A person's picture, table row or text -> the arrays that a network takes.

Names come from its modules (`graphnet.prepare.picture`, `graphnet.prepare.image`), so that
training on arrays never imports an image decoder.
"""
