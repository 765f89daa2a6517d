"""Reports: the HTML report, the replication card, the story for stakeholders."""
