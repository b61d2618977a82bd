"""One picture to its label with PyTorch alone: python infer_torch.py MODEL.pt IMAGE."""

import sys

import numpy as np
import torch
from PIL import Image
from torch import nn

net = nn.Sequential(nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 10))
net.load_state_dict(torch.load(sys.argv[1], weights_only=True))
pixels = np.asarray(Image.open(sys.argv[2]).convert("L"), np.float32).reshape(1, 784) / 255
with torch.inference_mode():
    print(int(net(torch.from_numpy(pixels)).argmax()))
