"""DrumGAN: one-shots from a code and sliders, by a progressive Wasserstein GAN on the complex STFT.

Nistal, Lattner & Richard 2020, https://arxiv.org/abs/2008.12073
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Generator as Stream
from torch import Tensor

from soundloom.conditions.joint_distribution import JointDistribution
from soundloom.conditions.schema import Schema, Value
from soundloom.contract import Batch, Clips, ConditionInput, Sampling, Stage, System
from soundloom.layers.attack import attacks_of, from_attack
from soundloom.representations.complex import ComplexSpectrum
from soundloom.representations.phase.join import join
from soundloom.representations.protocol import Representation
from soundloom.representations.waveform import Waveform
from soundloom.runtime.generators import generator
from soundloom.runtime.progress import Progress
from soundloom.systems.drumgan.controls import Controls
from soundloom.systems.drumgan.critic import Critic
from soundloom.systems.drumgan.generator import Generator, on_sphere
from soundloom.systems.drumgan.growth import Growth, growth
from soundloom.systems.drumgan.inversion import STARTS, Draw, Found, search, turned_towards
from soundloom.systems.drumgan.layers import finer
from soundloom.systems.drumgan.objectives import Criticism, Generation
from soundloom.systems.drumgan.plane import Plane
from soundloom.systems.drumgan.rendering import Renderer
from soundloom.systems.drumgan.settings import PRESETS, DrumGANConfig

STUDIED = 8  # clips of each 64 that the scale of images is measured by
PEAK = 0.9  # of sounds as they are made
RISE_SECONDS = 0.0005  # at the beginning of a sound
FADE_SECONDS = 0.01  # at the end of one
OVERLAP = 4  # frames of cross-fade from a prompt's image to the generator's
KEPT = 4  # given sounds whose points are remembered


class DrumGAN(System):
    """Autonomous, conditioned on any Category or Scalar; continuing and varying by a search for the code of a sound."""

    PRESETS = PRESETS
    Config = DrumGANConfig
    config: DrumGANConfig
    representation: ComplexSpectrum
    measured = 128
    continues = True
    resembles = True
    training_only = ("critic.", "grown_before")
    running_growth: Tensor  # how far the networks have grown, as `Growth.number`
    grown_before: Tensor  # the growth of the model whose weights training began with

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
            config.latent, self.controls.told, coarsest, config.widths, config.patch, config.gated
        )
        self.critic = Critic(self.controls.read, coarsest, config.widths, config.group, config.patch)
        self.joint_distribution = JointDistribution(schema)
        self.register_buffer("running_growth", torch.zeros(()))
        self.register_buffer("grown_before", torch.zeros(()))
        self._rendering: tuple[object, Renderer] | None = None
        self._found: dict[object, Found] = {}

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("drumgan", Waveform(self.representation.sample_rate), (Criticism(self), Generation(self))),)

    def condition_inputs(self) -> tuple[ConditionInput, ...]:
        return (
            ConditionInput("generator.begin.weight", axis=1, first=self.config.latent, layout="values"),
            ConditionInput("critic.head.weight", axis=0, first=1, layout="readings"),
            ConditionInput("critic.head.bias", axis=0, first=1, layout="readings"),
        )

    @torch.no_grad()
    def prepare(self, stage: Stage, clips: Clips, fresh: bool) -> None:
        """Take the scale of images from the training set."""
        if not fresh:
            self.grown_before.copy_(self.running_growth)
            return
        self.plane.fit(torch.cat([prepared(clip.audio[:STUDIED]) for clip in clips.batches(64)]))

    def grown(self, fraction: float) -> Growth:
        """How far the networks are: by the fraction while they train; else as far as training brought them."""
        if not self.training:
            return Growth.of(float(self.running_growth))
        now = growth(fraction, self.config.shares, self.config.fade)
        now = max(now, Growth.of(float(self.grown_before)), key=lambda each: each.number)
        self.running_growth.fill_(now.number)
        return now

    def image_of(self, audio: Tensor) -> Tensor:
        """The whole images of clips (batch, 1, time), each from its attack on and at one peak."""
        return self.plane.encode(prepared(audio))

    def codes(self, batch: Batch, name: str) -> Tensor:
        """A code for each row of a batch, (rows, latent)."""
        return on_sphere(batch.normal(self.config.latent, name=f"codes {name}"))

    def asked(self, batch: Batch, name: str) -> Tensor:
        """What generated sounds are asked for: the controls of the batch's own sounds, some of them moved."""
        return self.controls.stray(self.controls(batch.conditions), batch, self.config.stray, f"stray {name}")

    def draw(self, batch: Batch, growth: Growth, name: str) -> Tensor:
        """Generated images, one for each row of a batch."""
        image: Tensor = self.generator(self.codes(batch, name), self.asked(batch, name), growth)
        return image

    @torch.no_grad()
    def sample(self, call: Sampling, progress: Progress) -> Tensor:
        sounds = []
        length, temperature = call.length, call.temperature
        for asked, rng in zip(call.conditions, call.generators, strict=True):
            if call.prompt is not None:
                sounds.append(self.carried_on(call.prompt, asked, rng, temperature)[:, :length])
            elif call.like:
                sounds.append(self.cut(self.resembling(call.like, asked, call.distance, temperature, rng), length))
            else:
                image = self.renderer()(self.drawn(temperature, rng), self.told(asked))
                sounds.append(self.cut(PEAK * self.risen(self.sound_of(image)), length))
        return torch.stack(sounds)

    def renderer(self) -> Draw:
        """The generator as it is now, with images of the full size wherever it has grown to."""
        state = tuple((weight.data_ptr(), weight._version) for weight in self.generator.parameters())
        if self._rendering is None or self._rendering[0] != state:
            self._rendering = (state, Renderer(self.generator, Growth.of(float(self.running_growth))))
        render = self._rendering[1]

        def whole(code: Tensor, told: Tensor) -> Tensor:
            image = render(code, told)
            for _ in range(self.levels - 1 - render.growth.level):
                image = finer(image)
            return image

        return whole

    def drawn(self, temperature: float, rng: Stream) -> Tensor:
        """A code, (1, latent); nearer to the middle of all at a lower temperature."""
        return temperature * on_sphere(torch.randn(1, self.config.latent, generator=rng))

    def told(self, asked: Mapping[str, Value]) -> Tensor:
        """What the generator is told of conditions, (1, told)."""
        controls: Tensor = self.controls(torch.from_numpy(self.schema.encode(asked))[None])
        return controls

    def found(self, sound: Tensor, asked: Mapping[str, Value]) -> Found:
        """The point of the generator that comes nearest to a given sound, (1, time); sought once for each sound."""
        key = (sound.numpy().tobytes(), tuple(sorted(asked.items())))
        if key not in self._found:
            image = self.image_of(self.fitted(sound)[None])
            found = self.sought(image, self.plane.frames, asked, generator(0, "inversion"))
            self._found = {**dict(list(self._found.items())[1 - KEPT :]), key: found}
        return self._found[key]

    def sought(self, image: Tensor, known: int, asked: Mapping[str, Value], rng: Stream) -> Found:
        """The point whose first frames come nearest to those of an image, with all that was asked held."""
        starts = [self.told(self.joint_distribution.complete(asked, rng)) for _ in range(STARTS)]
        return search(self.renderer(), image, known, starts, self.controls.free(asked), self.config.latent, rng)

    def resembling(
        self, like: Sequence[Tensor], asked: Mapping[str, Value], distance: float, temperature: float, rng: Stream
    ) -> Tensor:
        """A variation of one sound, or the point at `distance` (0 to 1) of the way between two, (1, samples)."""
        ends = [self.found(sound, asked) for sound in like]
        peaks, attacks = zip(*(_shape(sound) for sound in like), strict=True)
        draw = self.renderer()
        if len(like) == 2:
            code = turned_towards(ends[0].code, ends[1].code, distance)
            image = draw(code, torch.lerp(ends[0].told, ends[1].told, distance))
            image = image + torch.lerp(ends[0].missed, ends[1].missed, distance)
            peak = peaks[0] ** (1 - distance) * peaks[1] ** distance
            attack = round(attacks[0] + distance * (attacks[1] - attacks[0]))
            own = 4 * distance * (1 - distance)  # how much of the sound is the generator's
        else:
            share = min(1.0, distance)
            code = turned_towards(ends[0].code, on_sphere(self.drawn(1.0, rng)), share)
            image = draw(code, ends[0].told) + (1 - share) * ends[0].missed
            peak, attack, own = peaks[0], attacks[0], share
        return F.pad(peak * self.risen(self.sound_of(image), own), (attack, 0))[:, : self.samples]

    def carried_on(self, prompt: Tensor, asked: Mapping[str, Value], rng: Stream, temperature: float) -> Tensor:
        """A whole clip, (1, samples), whose first samples are the prompt's, (1, time), unchanged.

        Raises:
            ValueError: what follows the attack is shorter than half a window, so that nothing can be read off it.
        """
        peak, attack = _shape(prompt)
        known = self.frames_of(prompt.shape[1] - attack)
        image = self.image_of(self.fitted(prompt)[None])
        found = self.sought(image, known, asked, rng)
        ramp = ((torch.arange(self.plane.frames) - (known - OVERLAP)) / OVERLAP).clamp(0, 1)
        following = peak * self.sound_of(image - ramp * found.missed)  # given frames, then the generator's own
        following = F.pad(following, (attack, 0))[:, : self.samples]
        return join(prompt, following, self.representation.sample_rate)

    def frames_of(self, samples: int) -> int:
        """Frames that the first samples of a sound alone decide: those whose window ends inside them."""
        window, rate = self.representation.n_fft, self.representation.sample_rate
        if samples < window:
            raise ValueError(
                f"the prompt lasts {1000 * max(0, samples) / rate:.0f} ms from its attack on but this model needs "
                f"{1000 * window / rate:.0f} ms or more to hear how it goes on; give a longer one"
            )
        return (samples - window // 2) // self.representation.hop + 1

    def fitted(self, sound: Tensor) -> Tensor:
        """A given sound, (1, time), as long as a clip."""
        return F.pad(sound[:, : self.samples], (0, max(0, self.samples - sound.shape[1])))

    def sound_of(self, image: Tensor) -> Tensor:
        """The clip of a whole image, (1, samples)."""
        return self.plane.decode(image)[0, :, : self.samples]

    def risen(self, sound: Tensor, share: float = 1.0) -> Tensor:
        """A sound, (1, time), that comes in from silence within half a millisecond, or by a share of that.

        An image hardly tells what lies before its first sample, so a generated sound may begin with a jump, which
        clicks at frequencies that no drum has.
        """
        rise = round(RISE_SECONDS * self.representation.sample_rate)
        ramp = torch.sin(0.5 * math.pi * torch.arange(rise) / rise).square()
        sound = sound.clone()
        sound[:, :rise] *= 1 - share * (1 - ramp)
        return sound

    def cut(self, sound: Tensor, length: int) -> Tensor:
        """The first samples of a sound, (1, time), which goes out within 10 ms and stays within full scale."""
        sound = sound[:, :length] / sound.abs().max().clamp_min(1.0)
        fade = min(length, round(FADE_SECONDS * self.representation.sample_rate))
        sound[:, length - fade :] *= torch.linspace(1, 0, fade)
        return sound


def prepared(audio: Tensor) -> Tensor:
    """Clips (batch, 1, time) as they are learnt: from their attack on, their peak at 1; silence stays silent."""
    peaks = audio.abs().amax(dim=2, keepdim=True)
    return from_attack(audio / torch.where(peaks > 0, peaks, 1.0))


def _shape(sound: Tensor) -> tuple[float, int]:
    """The peak of a sound, (1, time), and where it begins."""
    return float(sound.abs().max().clamp_min(1e-6)), int(attacks_of(sound[None]))
