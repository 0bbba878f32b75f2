"""Methods: what a recipe may do beyond plain fine-tuning, one module each.

A method's module is imported, and is part of a cell's fingerprint, only where the recipe uses it.
Adding one: a module here, a field in `study.Recipe`, a line in `fingerprint.METHODS`, and the
`if` in `models/build.py`, `training/optimizers.py` or `training/loop.py` that calls it.
"""
