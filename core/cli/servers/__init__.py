"""Commands on servers: probing, connections and batch files."""
