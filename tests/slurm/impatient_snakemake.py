"""Snakemake that looks after its SLURM jobs every second, for tests alone.

The SLURM plugin waits ten seconds longer after every look that finds no job ended, which is right
for a cluster and would be most of a test's time. No option limits it.
"""

import asyncio
import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def _sleep(self):
    await asyncio.sleep(1)


RemoteExecutor.sleep = _sleep

if __name__ == "__main__":
    sys.exit(main())
