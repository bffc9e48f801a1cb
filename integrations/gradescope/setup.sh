#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image (choose one with Python 3.11 or newer, Ubuntu 24.04 for instance).
# The autograder's zip holds this checkout, with setup.sh and run_autograder copied to its top.
set -euo pipefail

apt-get update
apt-get install -y python3 python3-venv

# Set PIP_EXTRA_INDEX_URL to PyTorch's CPU index here; without it pip installs the CUDA build, several GB of it.

cd /autograder/source
python3 -m venv /autograder/nox
/autograder/nox/bin/pip install nox
# It makes .venv, and a kata that does not hold its own laws is no image.
/autograder/nox/bin/nox -s solutions
