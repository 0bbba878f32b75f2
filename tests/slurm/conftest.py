"""These tests run on the SLURM that with_slurm.sh starts, and nowhere else: `make test-slurm`."""

from pathlib import Path

collect_ignore = [] if Path("/etc/slurm/seedvar-test").is_file() else ["test_slurm.py"]
