"""Draw one picture of a mountain: sky, clouds, distant ridges, the peak, foreground, weather.

A peak can be recognised by its ridge line only: colour, light, snow and foreground have the same distribution
for all classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from peakid.demo.painting import Array, Colour, below, crest_line, mix, noise, rgb, smooth_step
from peakid.demo.peaks import PEAKS, RidgeLine


@dataclass(frozen=True)
class Mood:
    """The light of one time of day.

    Attributes:
        zenith, horizon: Colours of the sky.
        sun, shade: Light on sunlit and on shaded surfaces.
        glow: Strength of the glow around the sun.
    """

    zenith: Colour
    horizon: Colour
    sun: Colour
    shade: Colour
    glow: float


MOODS = (
    Mood((0.16, 0.40, 0.70), (0.70, 0.83, 0.93), (0.92, 0.90, 0.84), (0.34, 0.42, 0.55), 0.10),  # Noon
    Mood((0.28, 0.52, 0.76), (0.93, 0.88, 0.80), (0.94, 0.82, 0.66), (0.36, 0.41, 0.52), 0.25),  # Morning
    Mood((0.24, 0.29, 0.50), (0.97, 0.70, 0.55), (1.02, 0.58, 0.42), (0.30, 0.31, 0.45), 0.45),  # First light
    Mood((0.30, 0.47, 0.68), (0.99, 0.85, 0.60), (1.00, 0.74, 0.42), (0.35, 0.36, 0.46), 0.50),  # Golden hour
    Mood((0.17, 0.20, 0.38), (0.84, 0.56, 0.54), (0.86, 0.54, 0.50), (0.28, 0.28, 0.42), 0.35),  # Afterglow
    Mood((0.07, 0.12, 0.28), (0.38, 0.49, 0.68), (0.40, 0.46, 0.62), (0.24, 0.29, 0.44), 0.10),  # Blue hour
    Mood((0.55, 0.60, 0.66), (0.82, 0.84, 0.85), (0.52, 0.53, 0.54), (0.50, 0.53, 0.58), 0.05),  # Overcast
    Mood(
        (0.27, 0.32, 0.39), (0.66, 0.70, 0.70), (0.50, 0.50, 0.47), (0.36, 0.40, 0.47), 0.12
    ),  # Before the storm
)
MOOD_SHARES = (0.24, 0.18, 0.11, 0.17, 0.07, 0.06, 0.09, 0.08)
ROCKS = ((0.50, 0.46, 0.43), (0.42, 0.43, 0.46), (0.55, 0.47, 0.40), (0.36, 0.35, 0.37), (0.47, 0.44, 0.47))
SNOW = (0.97, 0.98, 1.00)
FOREGROUNDS = ("forest", "meadow", "lake", "snowfield", "rocks", "none")
GROUND_COLOURS = {"meadow": (0.36, 0.46, 0.19), "snowfield": (0.88, 0.91, 0.96), "rocks": (0.36, 0.34, 0.32)}
FOREGROUND_SHARES = (0.28, 0.24, 0.24, 0.12, 0.04, 0.08)


def draw(peak: str, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Draw a peak with random time of day, weather, viewpoint and foreground.

    Args:
        size: Width and height in pixels.
    """
    width, height = size
    scene = _Scene(rng, width, height)
    picture = scene.sky()
    picture = scene.far_ridges(picture)
    picture = scene.massif(picture, PEAKS[peak])
    picture = scene.mist(picture)
    picture = scene.foreground(picture, str(rng.choice(FOREGROUNDS, p=FOREGROUND_SHARES)))
    return _developed(picture, rng, scene.mood)


class _Scene:
    """The light and the terrain that all layers of one picture share."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self.rng, self.width, self.height = rng, width, height
        self.mood = _between(
            *(MOODS[n] for n in rng.choice(len(MOODS), 2, p=MOOD_SHARES)), rng.uniform(0, 0.35)
        )
        self.sun_side = 1.0 if rng.random() < 0.5 else -1.0  # +1: the sun is on the right.
        self.base = height * rng.uniform(0.66, 0.84)  # Row where the mountain meets the land.
        self.haze = rng.uniform(0.05, 0.45) ** 1.3
        self.x = np.arange(width, dtype=np.float32)[None, :]  # (1, W)
        self.y = np.arange(height, dtype=np.float32)[:, None]  # (H, 1)

    def sky(self) -> Array:
        down = np.clip(self.y / self.base, 0, 1) ** self.rng.uniform(0.7, 1.3)
        picture = mix(
            rgb(self.mood.zenith), rgb(self.mood.horizon), np.broadcast_to(down, (self.height, self.width))
        )
        sun_x = self.width * (0.5 + self.sun_side * self.rng.uniform(0.15, 0.6))
        sun_y = self.base * self.rng.uniform(0.1, 0.9)
        distance = np.hypot(self.x - sun_x, (self.y - sun_y) * 1.3) / self.width
        picture = picture + rgb(self.mood.sun) * (self.mood.glow * np.exp(-((distance / 0.33) ** 2)))
        return self._clouds(picture)

    def _clouds(self, picture: Array) -> Array:
        kind = self.rng.random()
        if kind < 0.25:  # A clear day.
            return picture
        stretch = self.rng.uniform(1.5, 4.5)
        field = noise(
            self.rng, self.height, self.width, cells=self.rng.uniform(2.0, 5.0), stretch=stretch, octaves=5
        )
        edge = self.rng.uniform(0.36, 0.6)
        cover = smooth_step(field, edge, edge + self.rng.uniform(0.1, 0.3)) * self.rng.uniform(0.5, 1.0)
        # Lit from above, grey below.
        lift = np.clip((field - np.roll(field, 6, axis=0)) * 4 + 0.55, 0, 1)
        white = mix(rgb(self.mood.shade) * 1.25 + 0.12, rgb(self.mood.sun) * 0.6 + 0.42, lift)
        return mix(picture, white, cover)

    def far_ridges(self, picture: Array) -> Array:
        n_ridges = int(self.rng.integers(0, 4))
        for n in range(n_ridges):
            nearness = (n + 1) / (n_ridges + 1)
            level = self.base - self.height * self.rng.uniform(0.08, 0.26) * (1.1 - 0.6 * nearness)
            line = level + self.height * 0.13 * (
                crest_line(self.rng, self.width, cells=self.rng.uniform(3, 9)) - 0.5
            )
            tone = mix(
                rgb(self.mood.horizon), rgb(self.mood.shade) * 0.8, 0.25 + 0.4 * nearness * (1 - self.haze)
            )
            fade = smooth_step(self.y, line[None, :], line[None, :] + self.height * 0.25) * 0.5
            picture = mix(picture, mix(tone, rgb(self.mood.horizon), fade), below(self.y, line))
        return picture

    def massif(self, picture: Array, points: RidgeLine) -> Array:
        tall = self.height * self.rng.uniform(0.40, 0.62)
        tall = min(tall, self.base - self.height * 0.06)
        middle, half = self.width * self.rng.uniform(0.34, 0.66), self.width * self.rng.uniform(0.34, 0.56)
        # Another viewpoint each time.
        knots = np.array(points) + self.rng.normal(0, (0.010, 0.008), (len(points), 2))
        knots[:, 1] += self.rng.uniform(-0.07, 0.07) * knots[:, 0]  # Seen a little from the side.
        along = (self.x[0] - middle) / half
        teeth = (crest_line(self.rng, self.width, cells=26, octaves=4) - 0.5) * 0.06
        ridge = self.base - tall * (np.interp(along, knots[:, 0], knots[:, 1]) + teeth)  # (W,) rows
        summits = [
            middle + half * knots[n, 0]
            for n in range(1, len(knots) - 1)
            if knots[n - 1, 1] < knots[n, 1] > knots[n + 1, 1]
        ]
        lit, gully = self._facets(ridge, summits, middle, tall)
        return mix(picture, self._face(ridge, lit, gully, tall), below(self.y, ridge))

    def _facets(
        self, ridge: Array, summits: Sequence[float], middle: float, tall: float
    ) -> tuple[Array, Array]:
        """Return how much each pixel faces the sun and how deep it is in a gully; both (H, W) in 0..1.

        Ribs run down from the summits and from points between them; a pixel belongs to the nearest rib, on
        its left or its right flank.
        """
        extra = middle + (self.rng.random(int(self.rng.integers(5, 9))) - 0.5) * self.width * 1.3
        nearest = np.full((self.height, self.width), 1e9, dtype=np.float32)
        flank = np.zeros_like(nearest)
        for n, start in enumerate([*summits, *extra]):
            top = ridge[int(np.clip(start, 0, self.width - 1))]
            fall = np.maximum(self.y - top, 0)
            wander = (crest_line(self.rng, self.height, cells=6, octaves=4)[:, None] - 0.5) * tall * 0.34
            lean = (start - middle) / self.width * self.rng.uniform(0.7, 1.5) + self.rng.normal(0, 0.12)
            offset = self.x - (start + lean * fall + wander * np.clip(fall / tall, 0, 1))
            # Ribs of summits are the larger ones.
            reach = np.abs(offset) + (0 if n < len(summits) else 0.10 * self.width)
            closer = reach < nearest
            nearest, flank = np.where(closer, reach, nearest), np.where(closer, offset, flank)
        grain = noise(self.rng, self.height, self.width, cells=9, stretch=0.7, octaves=5)
        relief = (grain - np.roll(grain, (2, int(2 * self.sun_side)), axis=(0, 1))) * 5.5
        lit = 0.5 + 0.42 * np.tanh(flank * self.sun_side / (0.016 * self.width)) + relief
        return np.clip(lit, 0, 1), np.clip(nearest / (0.13 * self.width), 0, 1)

    def _face(self, ridge: Array, lit: Array, gully: Array, tall: float) -> Array:
        altitude = (self.base - self.y) / tall
        rough = noise(self.rng, self.height, self.width, cells=14, stretch=0.8, octaves=4)
        # The snow line as a share of the summit's height, from winter to a dry summer.
        line = self.rng.uniform(-0.15, 0.85)
        snow = smooth_step(
            altitude + 0.55 * (rough - 0.5) + 0.22 * (gully - 0.4) - 0.16 * (lit - 0.5),
            line - 0.05,
            line + 0.07,
        )
        rock = rgb(ROCKS[self.rng.integers(len(ROCKS))]) * self.rng.uniform(0.8, 1.15)
        rock = rock * (0.72 + 0.56 * rough)
        green = rgb((0.30, 0.36, 0.22)) * (0.75 + 0.5 * rough)
        meadow = smooth_step(0.22 - altitude + 0.3 * (rough - 0.5), 0.0, 0.12) * (line > 0.25)
        ground = mix(mix(rock, green, meadow * 0.8), rgb(SNOW), snow * 0.96)
        face = ground * (rgb(self.mood.shade) * 1.12 + rgb(self.mood.sun) * (lit**1.2) * 0.72)
        rim = np.exp(-np.maximum(self.y - ridge[None, :], 0) / 1.6) * (lit > 0.6) * 0.10
        veil = np.clip(self.haze * (1.05 - altitude) * 0.9 + self.haze * 0.25, 0, 0.92)
        return mix(face + rim, rgb(self.mood.horizon), np.broadcast_to(veil, lit.shape))

    def mist(self, picture: Array) -> Array:
        """Add a bank of mist to some pictures."""
        if self.rng.random() < 0.4:
            field = noise(self.rng, self.height, self.width, cells=4, stretch=4, octaves=4)
            centre = self.base - self.height * self.rng.uniform(-0.02, 0.28)
            spread = self.height * self.rng.uniform(0.04, 0.10)
            height_profile = np.exp(-(((self.y - centre) / spread) ** 2))  # (H, 1)
            bank = height_profile * smooth_step(field, 0.3, 0.62) * self.rng.uniform(0.5, 0.95)
            picture = mix(picture, mix(rgb(self.mood.horizon), rgb((1, 1, 1)), 0.25), bank)
        return picture

    def foreground(self, picture: Array, kind: str) -> Array:
        if kind == "lake":
            picture = self._lake(picture)
            kind = "forest" if self.rng.random() < 0.25 else "none"
        if kind == "none":
            if self.base >= self.height * 0.7:
                return picture
            return self._hill(picture, self.base + self.height * 0.02, (0.24, 0.27, 0.22))
        if kind == "forest":
            picture = self._trees(
                picture, self.base - self.height * self.rng.uniform(-0.02, 0.05), 0.05, 0.42
            )
            return self._trees(
                picture,
                self.base + self.height * self.rng.uniform(0.03, 0.12),
                self.rng.uniform(0.08, 0.24),
                0.34,
            )
        level = self.base - self.height * self.rng.uniform(-0.05, 0.05)
        picture = self._hill(picture, level, GROUND_COLOURS[kind])
        if kind == "meadow" and self.rng.random() < 0.6:
            picture = self._trees(
                picture,
                self.base + self.height * self.rng.uniform(0.06, 0.16),
                self.rng.uniform(0.06, 0.2),
                0.36,
                share=0.3,
            )
        return picture

    def _hill(self, picture: Array, level: float, colour: Colour) -> Array:
        tilt = self.rng.uniform(-0.16, 0.16) * self.height * (self.x[0] / self.width - 0.5)
        line = (
            level + tilt + self.height * 0.10 * (crest_line(self.rng, self.width, cells=2.5, octaves=3) - 0.5)
        )
        depth = np.clip((self.y - line[None, :]) / (self.height * 0.35), 0, 1)
        # Snow is smooth and white.
        roughness, off_tint = (0.12, 0.02) if min(colour) > 0.8 else (0.5, 0.12)
        grain = noise(self.rng, self.height, self.width, cells=22, stretch=3, octaves=3) - 0.5
        patch = noise(self.rng, self.height, self.width, cells=3, stretch=3, octaves=3) - 0.5
        light = rgb(self.mood.shade) * 1.05 + rgb(self.mood.sun) * (0.5 + roughness * patch)
        light = light * (1 + roughness * grain)
        tint = self.rng.uniform(1 - off_tint, 1 + off_tint, (3, 1, 1)).astype(np.float32)
        land = rgb(colour) * tint * light * (1.06 - 0.34 * depth)
        hazy = mix(land, rgb(self.mood.horizon), self.haze * 0.5 * (1 - depth))
        return mix(picture, hazy, below(self.y, line))

    def _trees(
        self, picture: Array, level: float, tall: float, brightness: float, share: float = 1.0
    ) -> Array:
        """Draw conifers along an uneven line; `tall` is their height as a share of the picture's."""
        ground = level + self.height * 0.08 * (crest_line(self.rng, self.width, cells=3, octaves=3) - 0.5)
        line = ground.copy()
        tree = tall * self.height
        step = max(2.0, tree * 0.22)
        grown = crest_line(self.rng, self.width, cells=5, octaves=2)
        for start in np.arange(-step, self.width + step, step):
            at = start + self.rng.normal(0, step * 0.35)
            column = int(np.clip(at, 0, self.width - 1))
            if self.rng.random() > 0.92 or grown[column] > 0.28 + 0.5 * share:
                continue
            high = tree * self.rng.uniform(0.5, 1.1)
            aside = np.abs(self.x[0] - at)
            branch = 0.12 * high * np.abs(np.sin(aside * (9.0 / max(high * 0.2, 1.0))))  # Tiers of branches.
            line = np.minimum(
                line,
                ground - np.maximum(high - aside * (high / max(high * 0.2, 1.2)) - branch * (aside > 1), 0),
            )
        tint = rgb((0.20, 0.29, 0.19)) * brightness * 2.2
        light = rgb(self.mood.shade) * 1.1 + rgb(self.mood.sun) * 0.35
        grain = noise(self.rng, self.height, self.width, cells=40, stretch=0.6, octaves=2)
        wood = tint * light * (0.7 + 0.6 * grain)
        veil = self.haze * 0.45 * brightness / 0.42
        return mix(picture, mix(wood, rgb(self.mood.horizon), veil), below(self.y, line))

    def _lake(self, picture: Array) -> Array:
        shore = int(self.base + self.height * self.rng.uniform(0.0, 0.05))
        n_rows = self.height - shore
        rows = np.clip(
            shore - 1 - (np.arange(n_rows) * self.rng.uniform(0.9, 1.6)).astype(int), 0, self.height - 1
        )
        mirror = picture[:, rows]
        ripple = noise(self.rng, n_rows, self.width, cells=26, stretch=9, octaves=3) - 0.5
        strength = self.rng.uniform(2, 14) * np.linspace(0.3, 1.6, n_rows, dtype=np.float32)[:, None]
        columns = np.clip(self.x + ripple * strength, 0, self.width - 1).astype(int)
        mirror = mirror[:, np.arange(n_rows)[:, None], columns]
        water = mix(
            mirror * 0.86,
            rgb(self.mood.zenith) * 0.7 + 0.05,
            np.linspace(0.12, 0.5, n_rows, dtype=np.float32)[:, None],
        )
        lake = picture.copy()
        lake[:, shore:] = water + (ripple * 0.10)
        line = np.full(self.width, float(shore)) - self.height * 0.03 * crest_line(
            self.rng, self.width, cells=4, octaves=3
        )
        bank = below(self.y, line) * (self.y < shore)
        return mix(
            lake,
            rgb((0.16, 0.20, 0.15)) * (rgb(self.mood.shade) + 0.6 * rgb(self.mood.sun)) * 1.6,
            bank * 0.9,
        )


def _developed(picture: Array, rng: np.random.Generator, mood: Mood) -> Image.Image:
    """Apply what a camera adds: snowflakes, saturation, contrast, exposure, vignette, grain."""
    height, width = picture.shape[1:]
    if rng.random() < 0.08:
        picture = _snowing(picture, rng, mood)
    grey = picture.mean(axis=0)
    picture = grey + (picture - grey) * rng.uniform(0.78, 1.22)
    picture = (picture - 0.5) * rng.uniform(0.92, 1.18) + 0.5 + rng.uniform(-0.05, 0.06)
    across = np.hypot(
        np.linspace(-1, 1, width, dtype=np.float32)[None, :],
        np.linspace(-1, 1, height, dtype=np.float32)[:, None],
    )
    picture = picture * (1 - rng.uniform(0, 0.16) * np.clip(across - 0.4, 0, 1))
    picture = picture + rng.standard_normal((height, width), dtype=np.float32) * rng.uniform(0.004, 0.013)
    return Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0).copy())


def _snowing(picture: Array, rng: np.random.Generator, mood: Mood) -> Array:
    height, width = picture.shape[1:]
    flakes = np.zeros((height, width), dtype=np.float32)
    # Distant, middle and near flakes; the near ones are out of focus.
    for size, n in ((1, 260), (2, 110), (4, 24)):
        spots = np.zeros((height // size + 1, width // size + 1), dtype=np.float32)
        brightness = rng.uniform(0.5, 1.0, n)
        spots[rng.integers(0, spots.shape[0], n), rng.integers(0, spots.shape[1], n)] = brightness
        soft = Image.fromarray(spots).resize((width, height), Image.Resampling.BICUBIC)
        flakes = np.maximum(flakes, np.asarray(soft) * (1.0 if size < 4 else 0.6))
    greyed = mix(picture, mix(rgb(mood.horizon), rgb((0.8, 0.82, 0.85)), 0.5), rng.uniform(0.25, 0.45))
    return mix(greyed, rgb((1, 1, 1)), np.clip(flakes, 0, 1))


def _between(a: Mood, b: Mood, share: float) -> Mood:
    def blend(one: Colour, other: Colour) -> Colour:
        red, green, blue = (p + (q - p) * share for p, q in zip(one, other, strict=True))
        return red, green, blue

    glow = a.glow + (b.glow - a.glow) * share
    return Mood(
        blend(a.zenith, b.zenith),
        blend(a.horizon, b.horizon),
        blend(a.sun, b.sun),
        blend(a.shade, b.shade),
        glow,
    )
