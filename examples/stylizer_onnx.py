"""Repaint a photo with the exported stylizer, without impasto: only onnxruntime, NumPy and Pillow.

python stylizer_onnx.py stylizer.onnx photo.jpg painting.jpg pastiche.png
"""

import sys

import numpy as np
import onnxruntime
from PIL import Image


def load(path: str, long_edge_px: int = 512) -> np.ndarray:
    """A picture as [1, 3, height, width] in [0, 1]."""
    image = Image.open(path).convert("RGB")
    factor = long_edge_px / max(image.size)
    image = image.resize([round(side * factor) for side in image.size], Image.Resampling.LANCZOS)
    return np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255


model, photo, painting, output = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
inputs = {"photo": load(photo), "painting": load(painting), "strength": np.array(100, np.float32)}
(pastiche,) = session.run(["pastiche"], inputs)
Image.fromarray(np.rint(pastiche[0].transpose(1, 2, 0) * 255).astype(np.uint8)).save(output)
