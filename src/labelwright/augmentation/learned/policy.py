"""`LearnedPolicy`: a policy that finds functions, strengths and order from unlabelled examples."""

from __future__ import annotations

import hashlib
import html
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from torch import nn

from labelwright.augmentation.base import Batch, TransformationFunction
from labelwright.augmentation.policy import DrawingPolicy, checked_count
from labelwright.core.errors import DataError, ModelError, NotFittedError
from labelwright.core.files import atomic_folder

from .actions import Actions
from .estimators import EstimatorName
from .fitting import LearningProgress, learn
from .generators import Generator, GeneratorName, make_generator
from .settings import ObjectiveName, Settings
from .storing import read_tensors, write_tensors

__all__ = ["LearnedPolicy"]

_MARKER = "policy.json"
_WEIGHTS = "generator.safetensors"
# Sequences from which marginals are counted.
_DRAWS = 4096


class LearnedPolicy(DrawingPolicy):
    """A sequence model over transformation functions, trained adversarially on unlabelled examples (TANDA).

    A generator draws sequences of functions and strengths; a discriminator learns to tell what they make of examples
    from other originals. The generator is charged for each step that looks stranger than real examples do, and for
    staying near the original (Ratner, Ehrenberg, Hussain, Dunnmon and Ré, NeurIPS 2017); with some labels it is paid
    for what an augmented example teaches about real ones. See
    ``docs/explanation/learned-augmentation.md``.

    Parameters
    ----------
    functions : sequence of TransformationFunction
    length : int
        Steps in a sequence; the generator may do nothing at some.
    generator : {"gru", "lstm", "mean_field", "transformer"}
    levels : int
        Bins of strength on each side of each function that has a magnitude.
    objective : {"within", "tanda"}
        ``"within"``: what looks no stranger than 95 % of real examples costs nothing; with labels, what an example
        teaches decides. ``"tanda"``: as published, the more usual the better.
    discriminator : "auto" or torch.nn.Module
        ``"auto"``: convolutions for images and series, two hidden layers for vectors, texts and records. A module of
        your own returns logits (n,) and features (n, f); it is copied.
    encode : callable, optional
        Batch to array of float, what the discriminator sees; needed for examples that are neither tensors, arrays,
        texts nor records.
    estimator : {"auto", "batch_mean", "leave_one_out"}
        Of the policy gradient; ``"auto"`` takes the one whose variance, measured before training, is lowest.
    diversity : float
        What it costs to leave an example as it is, in nats.
    entropy : float
        What a nat of randomness is worth; larger values keep more functions in use.
    discount : float
        Weight of the next step's reward in what a step earns.
    steps : int
        Rounds; each draws ``batch_size`` sequences.
    batch_size : int
        A multiple of four.
    copies : int
        Augmented copies of each example.
    keep_originals : bool
        Whether each example also comes as it is, before its copies.
    random_state : int

    Attributes
    ----------
    history_ : tuple of dict
        One for each round: ``step``, ``discriminator_loss``, ``generator_loss``, ``p_real_augmented``,
        ``p_real_original``, ``entropy``, ``diversity``; with labels ``worth_augmented`` and ``worth_original``, where
        1 = as much as another labelled example.
    frequencies_ : tuple of dict
        One for each action: ``function`` ("nothing" for the first), ``magnitude`` (bounds or None), ``probability``
        (one for each step).
    outcome_ : str
    chosen_step_ : int
        The round whose generator is used.
    estimator_ : str
    variances_ : dict
        Of the gradient, by estimator; empty unless measured.
    marks_ : tuple of dict
        Generators on the way: ``step``; ``moved``, the share of actions drawn otherwise since the one before; for those
        that were considered ``auc`` and ``diversity`` on held-out examples.
    trusts_ : tuple of dict
        With ``valid`` and ``"tanda"``, the ``loss`` of a classifier for each ``trust``, the share of what was learned
        that counts; the lowest is used.
    left_out_ : dict of str to str
        Functions that always failed, and why.
    findings_ : tuple of str
        Rules that functions break on some examples; there they do nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from labelwright.augmentation import transformation_function
    >>> from labelwright.augmentation.learned import LearnedPolicy
    >>> @transformation_function(batched=True, magnitude=(-1.0, 1.0))
    ... def move(points, magnitude):
    ...     return points + magnitude[:, None]
    >>> points = np.random.default_rng(0).normal(size=(200, 2))
    >>> policy = LearnedPolicy([move], length=2, generator="mean_field", steps=20).fit(points)
    >>> policy.apply(points, np.random.default_rng(0)).examples.shape
    (200, 2)
    """

    def __init__(
        self,
        functions: Sequence[TransformationFunction],
        *,
        length: int = 4,
        generator: GeneratorName = "gru",
        levels: int = 3,
        objective: ObjectiveName = "within",
        discriminator: Literal["auto"] | nn.Module = "auto",
        encode: Callable[[Batch], Any] | None = None,
        estimator: Literal["auto"] | EstimatorName = "auto",
        diversity: float = 0.5,
        entropy: float = 0.25,
        discount: float = 0.5,
        steps: int = 400,
        batch_size: int = 64,
        copies: int = 1,
        keep_originals: bool = False,
        random_state: int = 0,
    ) -> None:
        super().__init__(functions, copies=copies, keep_originals=keep_originals)
        self.length = checked_count("length", length)
        self.generator = generator
        self.levels = checked_count("levels", levels)
        self.objective = objective
        self.discriminator, self.encode = discriminator, encode
        self.estimator = estimator
        self.diversity, self.entropy, self.discount = diversity, entropy, discount
        self.steps = checked_count("steps", steps)
        self.batch_size = checked_count("batch_size", batch_size)
        self.random_state = random_state

    def fit(
        self,
        examples: Batch,
        *,
        valid: tuple[Batch, npt.ArrayLike] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        progress: Callable[[LearningProgress], None] | None = None,
    ) -> Self:
        """Learn from unlabelled examples.

        Parameters
        ----------
        examples : Batch
            n originals, at least twice ``batch_size``.
        valid : (examples, labels), optional
            A labelled set that says what augmented examples teach about real ones; as far as it can tell, it decides in
            the discriminator's place. With ``objective="tanda"`` it says how much of what was learned counts, from
            nothing (functions drawn at random) to all. Labels are class codes from 0.
        checkpoint : path-like, optional
            Folder in which the state is kept; fitting again with the same settings and examples goes on from there,
            to the very same bits on a CPU.
        progress : callable, optional
            Is told where training stands; without it a terminal shows a line.

        Raises
        ------
        ModelError
            If there are fewer examples than two batches, some are not finite, or every function fails.
        TransformationError
            If a function edits its input in place, or is not deterministic under its rng.
        """
        learned = learn(
            self._settings(),
            examples,
            discriminator=self.discriminator,
            encode=self.encode,
            valid=valid,
            checkpoint=checkpoint,
            progress=progress,
        )
        self._actions, self._generator = learned.actions, learned.generator
        self.discriminator_ = learned.discriminator
        self.history_, self.outcome_ = learned.history, learned.outcome
        self.chosen_step_, self.estimator_ = learned.chosen_step, learned.estimator
        self.variances_, self.marks_, self.trusts_ = learned.variances, learned.marks, learned.trusts
        self.left_out_, self.findings_ = learned.left_out, learned.findings
        self.frequencies_ = self._frequencies()
        return self

    def draw(self, n: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Draw sequences for ``n`` examples, all at once.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        actions, generator = self._fitted()
        s = n * self.copies
        codes = generator.draw(rng.random((s, self.length)))
        drawn = actions.sequences(codes, np.zeros(s, dtype=np.int64), rng)
        shape = (n, self.copies, self.length)
        return drawn.functions.reshape(shape), drawn.magnitudes.reshape(shape)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the policy to a folder: weights as safetensors, the rest as JSON; whole or not at all.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            If something that is not a policy is there already.
        """
        _, generator = self._fitted()
        about = {
            "settings": {name: getattr(self, name) for name in _SETTINGS},
            "functions": [{"name": function.name, "version": function.version} for function in self.functions],
            **{name: getattr(self, f"{name}_") for name in _LEARNED},
        }
        with atomic_folder(folder, marker=_MARKER) as temporary:
            write_tensors(temporary / _WEIGHTS, generator.state_dict(), {})
            (temporary / _MARKER).write_text(json.dumps(about, indent=1))

    @classmethod
    def load(cls, folder: str | os.PathLike[str], functions: Sequence[TransformationFunction]) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : path-like
        functions : sequence of TransformationFunction
            Those that it was fitted with, in any order, among others if need be; matched by name and version.

        Raises
        ------
        DataError
            If the folder holds no policy, or what it holds cannot be read.
        ModelError
            If a function is missing, or does something else than the one of that name did.
        """
        path = Path(folder) / _MARKER
        try:
            about = json.loads(path.read_text())
            settings, wanted = about["settings"], about["functions"]
            learned = {name: about[name] for name in _LEARNED}
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{Path(folder)} holds no learned policy that can be read ({error!r}).") from error
        policy = cls(_matched(wanted, functions), **settings)
        for name, value in learned.items():
            setattr(policy, f"{name}_", tuple(value) if isinstance(value, list) else value)
        policy._actions = policy._settings().lay_out(leave_out=policy.left_out_)
        policy._generator = make_generator(policy.generator, policy._actions.prior, policy.length)
        weights, _ = read_tensors(Path(folder) / _WEIGHTS)
        try:
            policy._generator.load_state_dict(weights)
        except RuntimeError as error:
            raise DataError(f"{Path(folder)} holds weights of another policy ({error}).") from error
        return policy

    def __version_parts__(self) -> dict[str, Any]:
        """Return what decides what is drawn: before `fit` the settings, after it the weights."""
        parts: dict[str, Any] = {
            "policy": type(self).__name__,
            "functions": [function.version for function in self.functions],
            "settings": json.dumps({name: getattr(self, name) for name in _SETTINGS}),
        }
        if hasattr(self, "_generator"):
            digest = hashlib.sha256()
            for name, tensor in sorted(self._generator.state_dict().items()):
                digest.update(name.encode() + tensor.numpy().tobytes())
            return {**parts, "weights": digest.hexdigest()}
        return {**parts, "discriminator": str(self.discriminator), "encode": self.encode}

    def __repr__(self) -> str:
        fitted = f", fitted: {self.outcome_}" if hasattr(self, "outcome_") else ""
        return f"LearnedPolicy({self.generator}, {self.length} steps, {len(self.functions)} functions{fitted})"

    def _repr_html_(self) -> str:
        """Return how often each function is used at each step, as a table."""
        if not hasattr(self, "outcome_"):
            return f"<p>{html.escape(repr(self))}</p>"
        shares: dict[str, npt.NDArray[np.float64]] = {}
        for one in self.frequencies_:
            shares[one["function"]] = shares.get(one["function"], 0.0) + np.array(one["probability"])
        head = "".join(f"<th>step {step}</th>" for step in range(1, self.length + 1))
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th>{''.join(f'<td>{share:.1%}</td>' for share in each)}</tr>"
            for name, each in sorted(shares.items(), key=lambda item: -float(item[1].mean()))
        )
        return f"<table><caption>{html.escape(self.outcome_)}</caption><tr><th></th>{head}</tr>{rows}</table>"

    def _settings(self) -> Settings:
        return Settings(
            functions=self.functions, **{name: getattr(self, name) for name in _SETTINGS if name not in _OF_DRAWING}
        )

    def _fitted(self) -> tuple[Actions, Generator]:
        if not hasattr(self, "_generator"):
            raise NotFittedError("this LearnedPolicy has learned nothing yet; call fit(examples) first.")
        return self._actions, self._generator

    def _frequencies(self) -> tuple[dict[str, Any], ...]:
        actions, generator = self._fitted()
        codes = generator.draw(np.random.default_rng(0).random((_DRAWS, self.length)))
        shares = np.stack([np.bincount(step, minlength=len(actions)) for step in codes.T], axis=1) / _DRAWS
        records = actions.describe()
        return tuple({**about, "probability": share.tolist()} for about, share in zip(records, shares, strict=True))


_OF_DRAWING = ("copies", "keep_originals")
_SETTINGS = (
    "length",
    "generator",
    "levels",
    "objective",
    "estimator",
    "diversity",
    "entropy",
    "discount",
    "steps",
    "batch_size",
    "copies",
    "keep_originals",
    "random_state",
)
_LEARNED = (
    "history",
    "frequencies",
    "outcome",
    "chosen_step",
    "estimator",
    "variances",
    "marks",
    "trusts",
    "left_out",
    "findings",
)


def _matched(
    wanted: Sequence[dict[str, str]], functions: Sequence[TransformationFunction]
) -> list[TransformationFunction]:
    """Return the functions that were saved, in their order."""
    here = {function.name: function for function in functions}
    missing = [one["name"] for one in wanted if one["name"] not in here]
    if missing:
        raise ModelError(f"the policy was fitted with functions that are not given: {missing}; given: {sorted(here)}.")
    changed = [one["name"] for one in wanted if here[one["name"]].version != one["version"]]
    if changed:
        raise ModelError(f"functions have changed since the policy was fitted: {changed}; fit it again.")
    return [here[one["name"]] for one in wanted]
