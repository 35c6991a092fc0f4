"""Questions to Asterisk about the legs of live calls of which no event tells: each watch asks one, as seldom as will do."""
