"""Makes a folder of pseudo-fake networks from camera clips; an interrupted run goes on with the next network."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.data.splits import split_by_source
from dtr.detector_files import reason
from dtr.errors import ConfigError
from dtr.pseudo.crops import collect_crops
from dtr.pseudo.faker import PseudoFaker
from dtr.pseudo.files import NetworkInfo, info_path, read_info, require_weights, write_network
from dtr.pseudo.losses import fine_detail, psnr_db
from dtr.pseudo.training import Progress, PseudoRecipe, train_network


def train_autoencoders(
    videos: Sequence[VideoAnnotation],
    out_folder: str | Path,
    seed: int = 0,
    say: Callable[[str], None] = lambda text: None,
    *,
    recipe: PseudoRecipe | None = None,
    facts: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
) -> PseudoFaker:
    """Train every family of a recipe into a folder and load it; one CPU core is enough.

    A network that is there, whole and made of the same clips, recipe and seed is kept; so a killed run is repeated with
    the same call and loses at most the network it was at.

    Args:
        videos: camera clips to reconstruct; for a fair measurement of a detector only clips that it may learn from.
        out_folder: gets `<family>.safetensors` and `<family>.json`; made if missing.
        seed: of the cut, the crops, the weights and their order, ≥ 0.
        say: told what happens, a line at a time.
        recipe: None = `PseudoRecipe()`.
        facts: video_id → facts, so that a source repository is not on both sides of the cut.
        progress: told (optimiser steps done, in all), over all networks that have to be trained.

    Raises:
        ConfigError: a clip is not known to be real, belongs to another split than train, or the sources are too few to
            hold some out; or the folder cannot be made, or holds networks made of something else.
        DetectorError: the folder holds a damaged network.
        VideoError: a clip cannot be decoded.
    """
    recipe, folder = recipe or PseudoRecipe(), Path(out_folder)
    _require_real_training_clips(videos)
    if seed < 0:
        raise ConfigError(f"the seed of pseudo-fake networks must be at least 0, got {seed}; correct it")
    # In one order, so that the same clips give the same networks however they were listed.
    videos = sorted(videos, key=lambda video: video.video_id)
    fit, held = split_by_source(videos, recipe.held_out, seed, facts=facts)
    _make_folder(folder)
    plans = {family: _plan(family, recipe, seed, fit, held) for family in recipe.families}
    todo = [family for family, plan in plans.items() if not _is_done(folder, plan)]
    if todo:
        say(f"cutting pictures out of {len(videos)} clips")
        crops = collect_crops(fit, recipe.crops, seed)
        unseen = collect_crops(held, recipe.crops, seed)
        for place, family in enumerate(todo):
            tell = _shifted(progress, place * recipe.steps, len(todo) * recipe.steps)
            info = _train_and_write(plans[family], crops, unseen, recipe, seed, folder, tell)
            say(
                f"{family}: {info.psnr_db:.1f} dB on {len(unseen)} crops of unseen sources, fine detail "
                f"{info.detail_ratio:.2f} of the original, {info.train_cpu_s:.0f} s of one core"
            )
    return PseudoFaker.load(folder)


def measure(faker: PseudoFaker, family: str, crops: NDArray[np.uint8]) -> tuple[float, float]:
    """How near reconstructions are to their originals, the way `PseudoFaker.apply` makes them.

    Args:
        faker: with that family. family: to measure.
        crops: (M, 3, S, S, 3) uint8 RGB that it was not trained on.

    Returns:
        Mean PSNR of a frame in dB; fine detail of all reconstructions as a share of the originals'.
    """
    quality, ours, true = [], 0.0, 0.0
    for triple in crops:
        decoded = faker.apply(triple, family)
        quality += [psnr_db(a, b) for a, b in zip(decoded, triple, strict=True)]
        ours, true = ours + _mean_detail(decoded), true + _mean_detail(triple)
    return float(np.mean(quality)), ours / max(true, 1e-9)


def _train_and_write(
    plan: NetworkInfo,
    crops: NDArray[np.uint8],
    unseen: NDArray[np.uint8],
    recipe: PseudoRecipe,
    seed: int,
    folder: Path,
    progress: Progress | None,
) -> NetworkInfo:
    """Train, measure and write one network."""
    from safetensors.torch import save

    begin = time.process_time()
    network = train_network(plan.family, crops, recipe, seed, progress)
    train_cpu_s = time.process_time() - begin
    psnr, ratio = measure(PseudoFaker({plan.family: network}, ""), plan.family, unseen)
    weights = save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    info = replace(
        plan,
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        psnr_db=round(psnr, 3),
        detail_ratio=round(ratio, 4),
        train_cpu_s=round(train_cpu_s, 1),
    )
    write_network(folder, info, weights)
    return info


def _require_real_training_clips(videos: Sequence[VideoAnnotation]) -> None:
    wrong = [v for v in videos if v.label != "real" or v.split not in (None, "train")]
    if wrong or not videos:
        got = f"label {wrong[0].label}, split {wrong[0].split} at {wrong[0].video_id}" if wrong else "no clip"
        raise ConfigError(
            f"pseudo-fakes are reconstructions of camera clips: expected clips with label real and split train (or "
            f"none), got {got}; leave out the others"
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder '{folder}': {reason(error)}; choose another one") from error


def _plan(
    family: str, recipe: PseudoRecipe, seed: int, fit: Sequence[VideoAnnotation], held: Sequence[VideoAnnotation]
) -> NetworkInfo:
    """What a network would be made of, in the form of its facts."""
    made_with = asdict(recipe)
    del made_with["families"], made_with["init"]
    return NetworkInfo(
        family=family,
        init=_plain(dict(recipe.init.get(family, {}))),
        weights_sha256="",
        recipe=_plain(made_with) | {"seed": seed},
        clips=_clips(fit),
        held_out_clips=_clips(held),
        psnr_db=0.0,
        detail_ratio=0.0,
    )


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """The same as JSON gives it back, so that what was written compares equal."""
    return json.loads(json.dumps(data))


def _clips(videos: Sequence[VideoAnnotation]) -> dict[str, Any]:
    ids = "\n".join(video.video_id for video in videos)
    return {
        "count": len(videos),
        "sources": len({video.source for video in videos}),
        "ids_sha256": hashlib.sha256(ids.encode()).hexdigest(),
    }


def _is_done(folder: Path, plan: NetworkInfo) -> bool:
    """Whether the network is there already.

    Raises:
        ConfigError: one of that name is there that was made of something else.
        DetectorError: it is there but damaged.
    """
    if not info_path(folder, plan.family).exists():
        return False
    found = read_info(folder, plan.family)
    if found.made_of != plan.made_of:
        raise ConfigError(
            f"{info_path(folder, plan.family)}: holds a network made of other clips, another recipe or seed; "
            "choose another folder, or remove that network"
        )
    require_weights(folder, found)
    return True


def _mean_detail(frames: NDArray[np.uint8]) -> float:
    pixels = torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2))).float() / 127.5 - 1
    return fine_detail(pixels).mean().item()


def _shifted(progress: Progress | None, before: int, total: int) -> Progress | None:
    """The same progress with `before` steps already done, out of `total`."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)
