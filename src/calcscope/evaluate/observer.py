"""The best that any reader, human or program, can do with a known speck in noise of known statistics.

All images of this module are (rows, columns) arrays of pixels; a *signal* or a *filter* is an array of the
image's shape whose centre is the pixel [0, 0] and which goes on round the edges (:func:`centred` makes one
from a patch). Noise is Gaussian and stationary, and has a *noise power*: the mean square of its discrete
Fourier coefficients over the number of pixels, (rows, columns) in the order of ``numpy.fft``. Its mean is the
variance of a pixel, and its product with the area of a pixel the noise power spectrum in mm². The field goes
on round its edges, so that the closed forms below are exact for the images that :func:`sample` draws.

Sources: H. H. Barrett and K. J. Myers, Foundations of Image Science, 2004, chapter 13 (prewhitening,
Hotelling and channelised observers); A. E. Burgess, F. L. Jacobson and P. F. Judy, Med. Phys. 28(4):419-437,
2001 (the prewhitening observer in power-law noise); W. P. Tanner and T. G. Birdsall, J. Acoust. Soc. Am.
30(10):922-928, 1958 (efficiency).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import fft2, ifft2
from scipy.linalg import solve
from scipy.ndimage import center_of_mass, label, maximum, maximum_filter
from scipy.special import eval_laguerre, logsumexp, ndtri

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def frequency(shape: tuple[int, int], pixel_mm: float) -> Array:
    """Distance of each Fourier coefficient from zero frequency, cycles per mm, (rows, columns)."""
    rows, columns = (np.fft.fftfreq(n, pixel_mm) for n in shape)
    return np.asarray(np.hypot(rows[:, None], columns))


def power_law(shape: tuple[int, int], pixel_mm: float, meets_one: float, exponent: float = 3.0) -> Array:
    """Noise power that falls as frequency to the minus ``exponent`` and is 1 at ``meets_one`` cycles per mm.

    The mean of the field, whose power the law would make infinite, gets that of the lowest frequency. An
    exponent near 3 is what mammograms show: Burgess et al. 2001.
    """
    radius = frequency(shape, pixel_mm)
    return np.asarray((np.maximum(radius, radius[radius > 0].min()) / meets_one) ** -exponent)


def sample(power: Array, random: np.random.Generator) -> Array:
    """One field of Gaussian noise of that power, (rows, columns), with mean zero."""
    return np.asarray(ifft2(fft2(random.standard_normal(power.shape)) * np.sqrt(power)).real)


def centred(patch: ArrayLike, shape: tuple[int, int]) -> Array:
    """A patch as an array of ``shape`` whose centre is the pixel [0, 0].

    The patch's centre is its pixel [rows // 2, columns // 2]. Raises ValueError when it does not fit.
    """
    small = np.asarray(patch, dtype=np.float64)
    if small.shape[0] > shape[0] or small.shape[1] > shape[1]:
        raise ValueError(f"a patch of {small.shape} pixels does not fit into an image of {shape}")
    whole = np.zeros(shape)
    whole[: small.shape[0], : small.shape[1]] = small
    return np.roll(whole, (-(small.shape[0] // 2), -(small.shape[1] // 2)), axis=(0, 1))


def respond(image: ArrayLike, weights: Array) -> Array:
    """What a linear observer with that filter says of each place, (rows, columns): the correlation."""
    return np.asarray(ifft2(fft2(np.asarray(image)) * np.conj(fft2(weights))).real)


def prewhitening(signal: Array, power: Array) -> Array:
    """The filter of the ideal observer of a known signal in stationary Gaussian noise: K⁻¹s.

    Its response at the signal's place is, up to a constant, the logarithm of the likelihood ratio.
    ``power`` must be positive everywhere.
    """
    return np.asarray(ifft2(fft2(signal) / power).real)


def detectability(weights: Array, signal: Array, power: Array) -> float:
    """d′ of a linear observer at the signal's known place: wᵀs / √(wᵀKw)."""
    spectrum = fft2(weights)
    variance = float(np.sum(np.abs(spectrum) ** 2 * power)) / power.size
    return float(np.sum(weights * signal) / np.sqrt(variance))


def ideal_detectability(signal: Array, power: Array) -> float:
    """d′ of the ideal observer at the signal's known place, the most there is: √(sᵀK⁻¹s)."""
    return float(np.sqrt(np.sum(np.abs(fft2(signal)) ** 2 / power) / power.size))


def hotelling(signal: ArrayLike, covariance: ArrayLike, ridge: float = 0.0) -> Array:
    """Weights of the best linear observer of n numbers, K⁻¹s: of the pixels of a patch, or of channels.

    Parameters
    ----------
    signal : (n,) mean difference between signal present and absent
    covariance : (n, n) of the numbers without signal; :func:`patch_covariance`, or measured on samples
    ridge : added to the covariance's diagonal, as a share of its mean: needed where the covariance was
        measured on not many more than n samples

    Raises ValueError (``numpy.linalg.LinAlgError``) for a covariance that is not positive definite.
    """
    noise = np.asarray(covariance, dtype=np.float64)
    noise = noise + ridge * np.mean(np.diag(noise)) * np.eye(len(noise))
    return np.asarray(solve(noise, np.asarray(signal, dtype=np.float64), assume_a="pos"))


def patch_covariance(power: Array, size: int) -> Array:
    """Covariance of the pixels of a patch of ``size`` × ``size`` pixels, row by row, (size², size²)."""
    row, column = (part.ravel() for part in np.mgrid[:size, :size])
    apart = np.subtract.outer(row, row), np.subtract.outer(column, column)
    return np.asarray(ifft2(power).real[apart])  # negative steps count from the end, as they should


def laguerre_gauss(shape: tuple[int, int], width: float, number: int) -> Array:
    """Channels for round signals: Laguerre polynomials under a Gaussian, (number, rows, columns).

    Parameters
    ----------
    width : of the Gaussian exp(-π r² / width²), pixels; about the width over which the signal must be
        compared with its surroundings

    B. D. Gallas and H. H. Barrett, J. Opt. Soc. Am. A 20(9):1725-1738, 2003.
    """
    rows, columns = (np.fft.fftfreq(n, 1 / n) for n in shape)
    square = 2 * np.pi * (rows[:, None] ** 2 + columns**2) / width**2
    return np.stack([eval_laguerre(n, square) * np.exp(-square / 2) for n in range(number)])


def channel_covariance(channels: Array, power: Array) -> Array:
    """Covariance of the channels' responses at one place to stationary noise, (n, n)."""
    spectra = fft2(channels, axes=(1, 2)).reshape(len(channels), -1)
    return np.asarray(((spectra * power.ravel()) @ spectra.conj().T).real) / power.size


def channelised(signal: Array, channels: Array, covariance: Array, ridge: float = 0.0) -> Array:
    """Filter of the best linear observer that sees the image through channels alone (channelised Hotelling).

    Parameters
    ----------
    signal : (rows, columns)
    channels : (n, rows, columns)
    covariance : (n, n) of the channels' responses without signal: :func:`channel_covariance`, or, where the
        background is not stationary, measured on samples of it (n numbers need far fewer than all pixels)
    ridge : see :func:`hotelling`
    """
    response = np.tensordot(channels, signal, axes=2)
    return np.tensordot(hotelling(response, covariance, ridge), channels, axes=1)


@dataclass(frozen=True)
class Trials:
    """Scores of places where a signal was, or was not, all of one strength.

    Parameters
    ----------
    ideal : d′ of the ideal observer of that signal
    scores : (images, places) larger for more probable
    present : (images, places) whether the signal was there; images are independent of one another, places
        of one image need not be
    """

    ideal: float
    scores: Array
    present: Flags

    def pairs(self) -> tuple[Array, Array]:
        """Pairs of a signal of image i and an empty place of image j: those that it wins, and all.

        Two arrays (images, images); a tie counts one half. The area under the curve of any collection of
        images is the sum of the first over the sum of the second.
        """
        positives = [s[p] for s, p in zip(self.scores, self.present, strict=True)]
        negatives = [np.sort(s[~p]) for s, p in zip(self.scores, self.present, strict=True)]
        every = np.concatenate(positives)
        owner = np.repeat(np.arange(len(positives)), self.present.sum(axis=1))
        wins = np.empty((len(positives), len(negatives)))
        for j, low in enumerate(negatives):
            below = np.searchsorted(low, every, "left") + np.searchsorted(low, every, "right")
            wins[:, j] = np.bincount(owner, weights=below / 2, minlength=len(positives))
        return wins, np.outer([len(p) for p in positives], [len(n) for n in negatives]).astype(np.float64)


@dataclass(frozen=True)
class Efficiency:
    """(d_a / d′ of the ideal observer)², with its interval: the share of the information that is used."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}-{self.high:.2f})"


def d_a(area: ArrayLike) -> Array:
    """Detectability of an area under the ROC curve, √2 Φ⁻¹(area): Barrett and Myers, chapter 13."""
    return np.asarray(np.sqrt(2) * ndtri(np.asarray(area, dtype=np.float64)))


def efficiency(
    trials: Sequence[Trials], *, confidence: float = 0.95, resamples: int = 1000, seed: int = 0
) -> Efficiency:
    """Efficiency of a detector over signals of several strengths, with a percentile bootstrap interval.

    With one strength it is (d_a / d′)²; with more, the square of the slope of the least-squares line of d_a
    on d′ through the origin. A detector that is worse than chance has none. Whole images are drawn with
    replacement, the same ones for every strength.

    Parameters
    ----------
    trials : one for each strength, all of the same number of images

    Raises ValueError when a strength lacks places with or without a signal.
    """
    ideal = np.array([each.ideal for each in trials])
    wins, pairs = (np.stack(part) for part in zip(*(each.pairs() for each in trials), strict=True))
    if not pairs.any(axis=(1, 2)).all():
        raise ValueError("an efficiency needs places with and without a signal")

    def slope(drawn: Array) -> Array:
        """For (n, images) counts of how often each image was drawn."""
        won = np.einsum("ni,kij,nj->nk", drawn, wins, drawn, optimize=True)
        all_pairs = np.einsum("ni,kij,nj->nk", drawn, pairs, drawn, optimize=True)
        # An area of 0 or 1 says that no pair went the other way, not that none ever would: half a pair.
        area = np.clip(won / all_pairs, 0.5 / all_pairs, 1 - 0.5 / all_pairs)
        return np.asarray(np.maximum(d_a(area) @ ideal / (ideal @ ideal), 0) ** 2)

    images = wins.shape[1]
    random = np.random.default_rng(seed)
    drawn = random.multinomial(images, np.full(images, 1 / images), size=resamples).astype(np.float64)
    tail = (1 - confidence) / 2
    low, high = np.quantile(slope(drawn), [tail, 1 - tail])
    return Efficiency(float(slope(np.ones((1, images)))[0]), float(low), float(high))


def log_likelihood_ratio(
    image: ArrayLike, signals: Sequence[Array], power: Array, *, tolerance: float = 0.0
) -> Array:
    """The scanning ideal observer: evidence for a signal at each place, (rows, columns).

    The logarithm of the likelihood ratio, averaged over what is not known of the signal, and summed over
    the places within ``tolerance``, which count as found. For sparse signals, all places alike, no order of
    marks gives a higher free-response curve than this one: P. Khurd, B. Liu and G. Gindi, IEEE Trans. Med.
    Imaging 29(2):375-386, 2010.

    Parameters
    ----------
    image : (rows, columns) with mean zero noise
    signals : what the signal may be, all as probable: sizes, strengths
    power : (rows, columns) of the noise
    tolerance : pixels between a mark and the signal that it finds
    """
    spectrum = fft2(np.asarray(image)) / power
    ratios = [
        ifft2(spectrum * np.conj(fft2(signal))).real - ideal_detectability(signal, power) ** 2 / 2
        for signal in signals
    ]
    place = logsumexp(ratios, axis=0) - np.log(len(signals))
    reach = int(tolerance)
    steps = [
        (row, column)
        for row in range(-reach, reach + 1)
        for column in range(-reach, reach + 1)
        if row * row + column * column <= tolerance**2
    ]
    total = np.full(place.shape, -np.inf)
    for step in steps:
        np.logaddexp(total, np.roll(place, step, axis=(0, 1)), out=total)
    return total


def peaks(response: Array, radius: float, least: float = -np.inf) -> tuple[Array, Array]:
    """Marks: places of the highest response within ``radius`` pixels of themselves, highest first.

    Neighbouring pixels of the same highest response are one mark, at their middle.

    Returns
    -------
    xy : (n, 2) column and row
    scores : (n,) response there; at least ``least``
    """
    reach = int(radius)
    row, column = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    highest = maximum_filter(response, footprint=row**2 + column**2 <= radius**2)
    tops, number = label((response == highest) & (response >= least), np.ones((3, 3)))
    places = np.array(center_of_mass(tops > 0, tops, range(1, number + 1))).reshape(-1, 2)
    scores = np.asarray(maximum(response, tops, range(1, number + 1)), dtype=np.float64)
    order = np.argsort(-scores, kind="stable")
    return places[order, ::-1], scores[order]
