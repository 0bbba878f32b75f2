"""seedvar: how much of a fine-tuning score is the recipe, and how much is the random seed."""
