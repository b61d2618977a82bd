"""The graph as a picture, with the numbers that run through it."""

from graphnet.draw.drawing import svg_of as svg_of
