"""The generation room: prompts from combinations, backends that write, and what of their text can be used."""
