// Says which kinds of upkeep are due: whether there is anything for a schedule to create.
// mode: read
// returns: scheduled
CYPHER 5
RETURN EXISTS {
  MATCH (s:Schedule) USING INDEX SEEK s:Schedule(next_at) WHERE s.next_at <= datetime()
} AS scheduled
