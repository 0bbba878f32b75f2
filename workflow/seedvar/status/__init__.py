"""How far a study is, why cells are invalid, what is left to do and what the store holds for nobody."""
