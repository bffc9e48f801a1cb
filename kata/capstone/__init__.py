"""What surrounds the capstone's training: the text, what to beat, the run that is kept, the page that shows it."""

import os

# PyTorch's threads wait for each other at every operator, by default at work for a millisecond or so: where other
# programs want every core as well, that makes training thirty times slower. To wait asleep instead costs a third of the
# speed where nobody does. This short wait costs nothing there. It is read once, when PyTorch is imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
