"""The graph as a picture, with the numbers that run through it."""

from graphnet.draw.drawing import drawn as drawn
from graphnet.draw.drawing import page_of as page_of
from graphnet.draw.drawing import svg_of as svg_of
from graphnet.draw.numbers import Numbers as Numbers
from graphnet.draw.numbers import numbers_of as numbers_of
