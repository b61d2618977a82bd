"""Network -> ONNX: each layer writes its operators, each tensor knows the order of its axes."""
