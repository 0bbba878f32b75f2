"""What a user writes: studies, tables of runs, the site's settings; how they are read, checked and expanded."""
