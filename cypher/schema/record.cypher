// Returns the version of the schema that this graph has, and those of our labels under which nodes
// stand, since a graph without our record may hold somebody else's.
// mode: read
// returns: version, labels
CYPHER 5
OPTIONAL MATCH (s:GraphOrchSchema {name: 'graph_orch'})
CALL () {
  UNWIND ['Agent', 'RetiredAgent', 'Skill', 'Lane', 'Task', 'TaskEvent', 'Limit', 'Worker',
          'Schedule', 'Team', 'Workflow', 'Gate', 'Step', 'Budget', 'Token', 'Secret',
          'Pause', 'Subscription', 'Delivery', 'Attempt', 'TriggerGroup', 'Firing',
          'Share', 'DeadLetter'] AS label
  WITH label WHERE CASE label
    WHEN 'Agent' THEN EXISTS { (:Agent) }
    WHEN 'RetiredAgent' THEN EXISTS { (:RetiredAgent) }
    WHEN 'Skill' THEN EXISTS { (:Skill) }
    WHEN 'Lane' THEN EXISTS { (:Lane) }
    WHEN 'Task' THEN EXISTS { (:Task) }
    WHEN 'TaskEvent' THEN EXISTS { (:TaskEvent) }
    WHEN 'Limit' THEN EXISTS { (:Limit) }
    WHEN 'Worker' THEN EXISTS { (:Worker) }
    WHEN 'Schedule' THEN EXISTS { (:Schedule) }
    WHEN 'Team' THEN EXISTS { (:Team) }
    WHEN 'Workflow' THEN EXISTS { (:Workflow) }
    WHEN 'Gate' THEN EXISTS { (:Gate) }
    WHEN 'Step' THEN EXISTS { (:Step) }
    WHEN 'Budget' THEN EXISTS { (:Budget) }
    WHEN 'Token' THEN EXISTS { (:Token) }
    WHEN 'Secret' THEN EXISTS { (:Secret) }
    WHEN 'Pause' THEN EXISTS { (:Pause) }
    WHEN 'Subscription' THEN EXISTS { (:Subscription) }
    WHEN 'Delivery' THEN EXISTS { (:Delivery) }
    WHEN 'Attempt' THEN EXISTS { (:Attempt) }
    WHEN 'TriggerGroup' THEN EXISTS { (:TriggerGroup) }
    WHEN 'Firing' THEN EXISTS { (:Firing) }
    WHEN 'Share' THEN EXISTS { (:Share) }
    ELSE EXISTS { (:DeadLetter) }
  END
  RETURN collect(label) AS labels
}
RETURN s.version AS version, labels
