// Puts a trigger, which is a subscription that is evaluated. One that there is keeps its position,
// unless $after is given, and what it counts and waits for, unless it asks for something else than
// before: then a new generation of that begins. No row means that a subscription has this name.
// Locks: the subscription.
// mode: write
// params: $trigger: STRING, $pattern: STRING, $where: LIST<STRING>, $workflow_id: STRING,
//   $agent_id: STRING, $team_id: STRING, $skill: STRING, $after: INTEGER, $end: INTEGER, $when: STRING, $action: STRING,
//   $template: STRING, $function: STRING, $max_depth: INTEGER, $every_seconds: FLOAT
// returns: trigger
CYPHER 5
MERGE (s:Subscription {name: $trigger})
ON CREATE SET s:Trigger, s.created_at = datetime.realtime(), s.position = $end, s.deliver = 'trigger',
  s.turn = 0, s.fired = 0
SET s.lk = 0
WITH s WHERE s:Trigger
WITH s, [s.pattern, s.workflow_id, s.agent_id, s.team_id, s.skill, s.where, s.when] AS before
SET s.pattern = $pattern, s.where = $where, s.workflow_id = $workflow_id, s.agent_id = $agent_id,
    s.team_id = $team_id, s.skill = $skill, s.position = coalesce($after, s.position),
    s.when = $when, s.action = $action, s.template = $template, s.function = $function,
    s.max_depth = $max_depth, s.turn = s.turn + 1,
    s.every_seconds = $every_seconds,
    s.next_at = CASE WHEN $every_seconds IS NOT NULL THEN datetime() END
WITH s, before, [s.pattern, s.workflow_id, s.agent_id, s.team_id, s.skill, s.where, s.when] AS now
FOREACH (_ IN CASE WHEN $after IS NULL AND s.generation IS NOT NULL
    AND all(i IN range(0, 6) WHERE coalesce(before[i], '') = coalesce(now[i], '')) THEN []
  ELSE [1] END |
  SET s.generation = datetime.realtime().epochMillis, s.present = null)
RETURN properties(s) AS trigger
