"""What Snakemake needs from us: the plan of a study, what its jobs depend on, and how they run."""
