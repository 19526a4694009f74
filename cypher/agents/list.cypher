// Returns the first $limit agents in the order of their ids, with the names of their skills: all, or
// those of which a skill contains $folded, or the id or a label $containing. A row has
// 100 of them: ten thousand rows cost a client as many times the time of one.
// mode: read
// params: $containing: STRING, $folded: STRING, $limit: INTEGER
// returns: agents
CYPHER 5
MATCH (a:Agent) USING INDEX SEEK a:Agent(agent_id)
WHERE a.agent_id >= '' AND CASE WHEN $containing IS NULL THEN true ELSE
  any(key IN a.skills WHERE key CONTAINS $folded)
  OR any(it IN [a.agent_id] + coalesce(a.labels, []) WHERE toLower(it) CONTAINS $containing)
END
WITH a ORDER BY a.agent_id LIMIT $limit
WITH collect(a) AS found
UNWIND range(0, size(found) - 1, 100) AS place
CALL (found, place) {
  UNWIND found[place..place + 100] AS a
  WITH INCLUDE agents/answer
  RETURN collect({agent: agent, names: names}) AS agents
}
RETURN agents ORDER BY place
