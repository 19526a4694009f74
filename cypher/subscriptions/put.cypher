// Puts a subscription. One that there is keeps its position, unless $after is given, which counts as a
// replay. Where one of this name delivers otherwise, nothing changes, and there is no row.
// Locks: the subscription.
// mode: write
// params: $subscription: STRING, $deliver: STRING, $pattern: STRING, $where: LIST<STRING>, $workflow_id: STRING,
//   $agent_id: STRING, $team_id: STRING, $skill: STRING, $after: INTEGER, $end: INTEGER
// returns: subscription
CYPHER 5
MERGE (s:Subscription {name: $subscription})
ON CREATE SET s.created_at = datetime.realtime(), s.position = $end, s.deliver = $deliver
WITH s, s.pattern IS NULL AS is_new WHERE s.deliver = $deliver
SET s.pattern = $pattern, s.where = $where, s.workflow_id = $workflow_id, s.agent_id = $agent_id,
    s.team_id = $team_id, s.skill = $skill
WITH s, is_new
FOREACH (_ IN CASE WHEN $after IS NULL THEN [] ELSE [1] END |
  SET s.position = $after, s.replays = CASE WHEN is_new THEN s.replays ELSE coalesce(s.replays, 0) + 1 END)
RETURN INCLUDE subscriptions/row AS subscription
