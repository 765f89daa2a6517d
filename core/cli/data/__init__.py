"""Commands on tasks and labelled texts: references, measures and interventions."""
