"""Numbers to words and pages: tables for people, the notebook."""
