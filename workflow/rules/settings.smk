# A mistake in config.yaml or behind --config is one sentence, said before Snakemake reads the file in its own way.
import sys

from seedvar.errors import UserError
from seedvar.study.site import settings

if (
    not workflow.modifier.skip_configfile
):  # else it is of the workflow that this one is a module of
    try:
        settings(workflow.config_settings.overwrite_config)
    except UserError as error:
        print(f"seedvar: {error}", file=sys.stderr)
        sys.exit(2)
