"""Networks of other programs: ONNX, safetensors, and plain JSON with `.npz`."""
