"""One picture to its label with onnxruntime alone: python infer_onnx.py MODEL.onnx IMAGE."""

import sys

import numpy as np
import onnxruntime
from PIL import Image

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1  # no pool of threads to start
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
pixels = np.asarray(Image.open(sys.argv[2]).convert("L"), np.float32).reshape(1, 784) / 255
print(int(session.run(None, {"x": pixels})[0].argmax()))
