#!/usr/bin/env bash
# Run by Snakemake in the new conda environment, from the folder that snakemake was called in.
set -euo pipefail
pip install --requirement envs/requirements.lock
pip install --no-deps --editable .
