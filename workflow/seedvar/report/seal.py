"""Makes Snakemake's HTML report safe to open: no word in it ends the script that it stands in.

The report holds paths, parameters and captions as JSON inside of scripts, and Snakemake 9.27 leaves `</script>` in them
as it is. Anything behind that would be a page of its own. JSON has another way of writing `<`.
"""

from __future__ import annotations

import re

from seedvar.errors import UserError

# One line each: JSON has no line breaks, so that no word in it can look like this frame.
DATA = re.compile(r'(?<=<script id=")([\w-]+)(">\n +var \w+ = )(.*)(?=;\n +</script>\n)')
NAMES = {"workflow-desc", "results", "categories", "rulegraph", "runtimes", "timeline", "rules", "packages", "metadata"}


def sealed(page: str) -> str:
    """Returns a report of which no word is taken for HTML by the browser that reads it.

    Raises:
        UserError: It is no report, or of a Snakemake that writes others.
    """
    found = {name for name, *_ in DATA.findall(page)}
    if missing := NAMES - found:
        raise UserError(
            f"the report has no script '{sorted(missing)[0]}'; accepted: a report of Snakemake 9.27, as pinned in "
            "envs/requirements.lock"
        )
    return DATA.sub(lambda match: match[1] + match[2] + match[3].replace("<", r"\u003c"), page)
