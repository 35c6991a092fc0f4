"""Settings: feature codes, contexts, entities, profiles, groups, roles, accounts, tokens of programs."""
