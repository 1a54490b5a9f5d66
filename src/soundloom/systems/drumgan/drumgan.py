"""DrumGAN: one-shots from a code and sliders, by a progressive Wasserstein GAN on the complex STFT.

Nistal, Lattner & Richard 2020, https://arxiv.org/abs/2008.12073
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator as RandomGenerator
from torch import Tensor

from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Schema, Value
from soundloom.contract import Clips, ConditionInput, Sampling, Stage, System
from soundloom.representations.complex import ComplexSpectrum
from soundloom.representations.phase.join import join
from soundloom.representations.protocol import Representation
from soundloom.representations.waveform import Waveform
from soundloom.runtime.generators import generator
from soundloom.runtime.progress import Progress
from soundloom.systems.drumgan.clips import faded_in, faded_out, normalised, peak_and_attack, with_length
from soundloom.systems.drumgan.controls import Controls
from soundloom.systems.drumgan.critic import Critic
from soundloom.systems.drumgan.generator import Generator, on_sphere
from soundloom.systems.drumgan.growth import GrowthState
from soundloom.systems.drumgan.inversion import STARTS, Draw, Found, search, turned_towards
from soundloom.systems.drumgan.layers import finer
from soundloom.systems.drumgan.objectives import CriticLoss, GeneratorLoss, Networks
from soundloom.systems.drumgan.plane import Plane
from soundloom.systems.drumgan.rendering import Renderer
from soundloom.systems.drumgan.settings import PRESETS, RENAMED, DrumGANConfig

SCALE_CLIPS = 8  # of each 64, from which the scale of images is measured
PEAK = 0.9  # of generated sounds
OVERLAP = 4  # frames of cross-fade from a prompt's image to the generator's
CACHED = 4  # given sounds whose inversions are kept


class DrumGAN(System):
    """Free and conditioned generation; continuation and variation by a search for the code of a given sound."""

    PRESETS = PRESETS
    Config = DrumGANConfig
    config: DrumGANConfig
    representation: ComplexSpectrum
    measured = 128
    continues = True
    resembles = True
    training_only = ("critic.", "growth.at_start")
    renamed_weights: ClassVar[Mapping[str, str]] = {**System.renamed_weights, "running_growth": "growth.number"}
    renamed_settings: ClassVar[Mapping[str, str]] = RENAMED

    def __init__(self, config: DrumGANConfig, representation: Representation, schema: Schema) -> None:
        super().__init__()
        assert isinstance(representation, ComplexSpectrum)
        self.config, self.representation, self.schema = config, representation, schema
        self.samples = round(config.seconds * representation.sample_rate)
        self.augmentation = config.augment
        self.levels = config.levels
        coarsening = config.patch * 2 ** (self.levels - 1)
        self.plane = Plane(representation, self.samples, coarsening, config.power)
        coarsest = (self.plane.frequencies // coarsening, self.plane.frames // coarsening)
        self.controls = Controls(schema)
        self.generator = Generator(
            config.latent, self.controls.width, coarsest, config.widths, config.patch, config.gated
        )
        self.critic = Critic(self.controls.estimates, coarsest, config.widths, config.group, config.patch)
        self.joint_distribution = JointDistribution(schema)
        self.growth = GrowthState(config.shares, config.fade)
        self._renderer: tuple[object, Renderer] | None = None
        self._inversions: dict[object, Found] = {}

    def stages(self) -> tuple[Stage, ...]:
        networks = Networks(self.generator, self.critic, self.controls, self.plane, self.growth)
        objectives = (CriticLoss(networks, self.config), GeneratorLoss(networks, self.config))
        return (Stage("drumgan", Waveform(self.representation.sample_rate), objectives),)

    def condition_inputs(self) -> tuple[ConditionInput, ...]:
        return (
            ConditionInput("generator.begin.weight", axis=1, first=self.config.latent, layout="values"),
            ConditionInput("critic.head.weight", axis=0, layout="readings"),
            ConditionInput("critic.head.bias", axis=0, layout="readings"),
        )

    @torch.no_grad()
    def prepare(self, stage: Stage, clips: Clips, fresh: bool) -> None:
        """Measure the scale of images on the training set."""
        if not fresh:
            self.growth.start_from_here()
            return
        self.plane.fit(torch.cat([normalised(clip.audio[:SCALE_CLIPS]) for clip in clips.batches(64)]))

    @torch.no_grad()
    def sample(self, call: Sampling, progress: Progress) -> Tensor:
        rate, sounds = self.representation.sample_rate, []
        for requested, rng in zip(call.conditions, call.generators, strict=True):
            if call.prompt is not None:
                sounds.append(self.continued(call.prompt, requested, rng)[:, : call.length])
                continue
            if call.like:
                sound = self.varied(call.like, requested, call.distance, rng)
            else:
                image = self.renderer()(self.random_code(call.temperature, rng), self.controls_of(requested))
                sound = PEAK * faded_in(self.decoded(image), rate)
            sounds.append(faded_out(sound, call.length, rate))
        return torch.stack(sounds)

    def renderer(self) -> Draw:
        """The generator as it is now; images have full size, whatever the growth."""
        state = tuple((weight.data_ptr(), weight._version) for weight in self.generator.parameters())
        if self._renderer is None or self._renderer[0] != state:
            self._renderer = (state, Renderer(self.generator, self.growth.now))
        render = self._renderer[1]

        def full_size(code: Tensor, controls: Tensor) -> Tensor:
            image = render(code, controls)
            for _ in range(self.levels - 1 - render.growth.level):
                image = finer(image)
            return image

        return full_size

    def random_code(self, temperature: float, rng: RandomGenerator) -> Tensor:
        """A code, (1, latent); nearer to the centre of all codes at a lower temperature."""
        return temperature * on_sphere(torch.randn(1, self.config.latent, generator=rng))

    def controls_of(self, requested: Mapping[str, Value]) -> Tensor:
        """Conditions as controls, (1, control)."""
        controls: Tensor = self.controls(torch.from_numpy(self.schema.encode(requested))[None])
        return controls

    def encoded(self, sound: Tensor) -> Tensor:
        """The image of a given sound, (1, time): from its attack, with a peak of 1."""
        return self.plane.encode(normalised(with_length(sound, self.samples)[None]))

    def decoded(self, image: Tensor) -> Tensor:
        """The clip of an image of full size, (1, samples)."""
        return self.plane.decode(image)[0, :, : self.samples]

    def inverted(self, sound: Tensor, requested: Mapping[str, Value]) -> Found:
        """The point of the generator that is nearest to a given sound, (1, time); searched once for each sound."""
        key = (sound.numpy().tobytes(), tuple(sorted(requested.items())))
        if key not in self._inversions:
            found = self.inverted_image(self.encoded(sound), self.plane.frames, requested, generator(0, "inversion"))
            self._inversions = {**dict(list(self._inversions.items())[1 - CACHED :]), key: found}
        return self._inversions[key]

    def inverted_image(self, image: Tensor, known: int, requested: Mapping[str, Value], rng: RandomGenerator) -> Found:
        """The point whose first `known` frames are nearest to those of an image; requested conditions are fixed."""
        starts = [self.controls_of(self.joint_distribution.complete(requested, rng)) for _ in range(STARTS)]
        return search(self.renderer(), image, known, starts, self.controls.free(requested), self.config.latent, rng)

    def varied(
        self, like: Sequence[Tensor], requested: Mapping[str, Value], distance: float, rng: RandomGenerator
    ) -> Tensor:
        """A variation of one sound, or the point at `distance` (0 to 1) on the path between two, (1, samples)."""
        ends = [self.inverted(sound, requested) for sound in like]
        peaks, attacks = zip(*(peak_and_attack(sound) for sound in like), strict=True)
        draw = self.renderer()
        if len(like) == 2:
            code = turned_towards(ends[0].code, ends[1].code, distance)
            image = draw(code, torch.lerp(ends[0].controls, ends[1].controls, distance))
            image = image + torch.lerp(ends[0].residual, ends[1].residual, distance)
            peak = peaks[0] ** (1 - distance) * peaks[1] ** distance
            attack = round(attacks[0] + distance * (attacks[1] - attacks[0]))
            generated = 4 * distance * (1 - distance)  # the generator's share of the sound
        else:
            generated = min(1.0, distance)
            code = turned_towards(ends[0].code, on_sphere(self.random_code(1.0, rng)), generated)
            image = draw(code, ends[0].controls) + (1 - generated) * ends[0].residual
            peak, attack = peaks[0], attacks[0]
        sound = faded_in(self.decoded(image), self.representation.sample_rate, generated)
        return F.pad(peak * sound, (attack, 0))[:, : self.samples]

    def continued(self, prompt: Tensor, requested: Mapping[str, Value], rng: RandomGenerator) -> Tensor:
        """A whole clip, (1, samples), whose first samples are those of the prompt, (1, time), unchanged.

        Raises:
            ValueError: the prompt is shorter than one window after its attack, so there is nothing to match.
        """
        peak, attack = peak_and_attack(prompt)
        known = self.known_frames(prompt.shape[1] - attack)
        image = self.encoded(prompt)
        found = self.inverted_image(image, known, requested, rng)
        ramp = ((torch.arange(self.plane.frames) - (known - OVERLAP)) / OVERLAP).clamp(0, 1)
        following = peak * self.decoded(image - ramp * found.residual)  # given frames, then the generator's own
        following = F.pad(following, (attack, 0))[:, : self.samples]
        return join(prompt, following, self.representation.sample_rate)

    def known_frames(self, samples: int) -> int:
        """The number of frames that depend on the first samples of a sound alone: those whose window ends inside."""
        window, rate = self.representation.n_fft, self.representation.sample_rate
        if samples < window:
            raise ValueError(
                f"the prompt lasts {1000 * max(0, samples) / rate:.0f} ms from its attack on but this model needs "
                f"{1000 * window / rate:.0f} ms or more to continue it; give a longer one"
            )
        return (samples - window // 2) // self.representation.hop + 1
