// Gives events that have been committed their places in the log. Only one transaction at a time may
// do so: a place is given after the commit of the event, and in the order of the commits of this
// statement, so that a reader who has read up to a place never has to look before it again, however
// late a transaction commits. Readers go by `last`, the places that were given before this transaction. Its
// own are shown by the next one, whose lock says that this one has ended: while it commits, others
// may see the record of the log before they see its events in the index.
// Locks: the record of the log.
// mode: write
// params: $limit: INTEGER, $command_id: STRING
// returns: number
CYPHER 5
MERGE (g:EventLog {name: 'graph_orch'})
ON CREATE SET g.last = 0
SET g.lk = $command_id
WITH g, coalesce(g.given, g.last) AS last
CALL () {
  MATCH (e:NewEvent) USING INDEX e:NewEvent(at)
  WHERE e.at IS NOT NULL
  WITH e ORDER BY e.at LIMIT $limit
  RETURN collect(e) AS events
}
CALL (events, last) {
  UNWIND range(0, size(events) - 1) AS place
  WITH events[place] AS e, last + place + 1 AS position
  SET e.position = position
  WITH e WHERE e.event_id IS NOT NULL  // The place of one that was deleted meanwhile stays empty.
  REMOVE e:NewEvent
}
SET g.last = last, g.given = last + size(events)
RETURN size(events) AS number
