"""Names of the network's parts, for the config, which must not wait for torch to be imported."""

BODY, MAIN, SECONDARY = PARTS = ("body", "main", "secondary")
