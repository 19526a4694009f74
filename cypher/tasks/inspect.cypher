// Returns why a command on a task was refused: the task, the agent, and the event that says whether
// the command was applied before. `is_open`: its workflow, if it has one, was not cancelled;
// `is_independent`: the agent has not worked on what the task is to be independent of;
// `short`: the keys of budgets that have not enough left for it; `pauses`: those that hold it back.
// mode: read
// params: $task_id: STRING, $agent_id: STRING, $command_id: STRING
// returns: task, dependencies, limit, needs, is_due, is_open, is_independent, short, pauses, agent,
//   event
CYPHER 5
OPTIONAL MATCH (t:Task {task_id: $task_id})
OPTIONAL MATCH (l:Lane {key: t.lane})
OPTIONAL MATCH (a:Agent {agent_id: $agent_id})
OPTIONAL MATCH (e:TaskEvent {event_id: $command_id})
OPTIONAL MATCH (x:Limit {key: t.concurrency_key})
WITH *, INCLUDE budgets/payers AS payers
CALL (t, payers) {
  UNWIND coalesce(payers, []) + [t.charges] AS key
  MATCH (b:Budget {key: key})
  WITH t, collect(b) AS budgets
  WITH budgets, INCLUDE budgets/estimate AS estimate
  UNWIND budgets AS b
  WITH b, estimate WHERE INCLUDE budgets/short
  RETURN collect(b.key) AS short
}
RETURN INCLUDE tasks/answer, x {
         .key, .max, .active, next_at: x.next_at.epochSeconds * 1000000 + x.next_at.microsecond,
         next_in: coalesce(x.next_at.epochMillis - datetime.realtime().epochMillis, 0)
       } AS limit, l.needs AS needs,
       coalesce(t.available_at <= datetime(), true) AS is_due,
       INCLUDE workflows/open_to AS is_open,
       INCLUDE tasks/independent AS is_independent,
       short,
       INCLUDE pauses/of_task AS pauses, a {
         .*, slots: INCLUDE agents/slots,
         paused_until: a.paused_until.epochSeconds * 1000000 + a.paused_until.microsecond
       } AS agent, INCLUDE events/row AS event
