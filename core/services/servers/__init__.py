"""Work with models behind servers: opening, costs, probing, batch files, the knob lab."""
