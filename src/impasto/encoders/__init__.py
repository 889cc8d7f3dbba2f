"""Frozen networks whose feature maps describe a picture."""

from impasto.encoders.architectures import LITE, VGG16, VGG19, Architecture, Layer
from impasto.encoders.encoder import PADDING_MODES, POOLINGS, Encoder
from impasto.encoders.weights import load_encoder

__all__ = ["LITE", "PADDING_MODES", "POOLINGS", "VGG16", "VGG19", "Architecture", "Encoder", "Layer", "load_encoder"]
