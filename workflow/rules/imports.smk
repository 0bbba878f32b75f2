# Before anything is imported: Snakemake has put the Snakefile's folder first on the path of imports. A file of a user's
# that lies there, such as pandas.py, is no library, unless PYTHONPATH says so.
import os
import sys

if str(workflow.basedir) not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
    sys.path[:] = [place for place in sys.path if place != str(workflow.basedir)]
