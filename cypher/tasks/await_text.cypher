// Wait until the full-text index has every write that came before.
// mode: read
CYPHER 5
CALL db.index.fulltext.awaitEventuallyConsistentIndexRefresh()
