"""What law files are made of.

- `draw`: sizes, seeds, tensors and texts that hypothesis chooses.
- `verbs`: everything that touches the learner's objects: construct, call, randomise, gradients, state_dict.
- `checks`: comparisons that fail with a sentence in named axes.
- `modules`: laws that many modules share (causality, batch independence, ...).
- `oracles`: independent, naive computations to compare with.
- `kills`: kills a call that writes files, at every moment, to see what it leaves behind.
"""

from kata.laws.checks import LawBroken

__all__ = ["LawBroken"]
