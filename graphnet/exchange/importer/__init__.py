"""ONNX -> Network: every tensor of the model is a constant or an array whose axes are labelled."""
