"""What surrounds the capstone's training: the text, what to beat, the run that is kept, the page that shows it."""

import os

# PyTorch's threads wait for each other at every operator. By default they do so at work: where another program wants a
# core as well, that made training eight times slower. It is read once, when PyTorch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
