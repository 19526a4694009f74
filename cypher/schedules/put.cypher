// Creates a schedule, or replaces it. Where its times stay what they were it keeps its next tick: a
// tick that is due must not be lost because a program puts its schedules whenever it starts.
// Locks: the schedule.
// mode: write
// params: $schedule: STRING, $cron: STRING, $timezone: STRING, $paused: BOOLEAN, $template: STRING,
//   $next_at: ZONED DATETIME, $command_id: STRING
// returns: schedule
CYPHER 5
MERGE (s:Schedule {name: $schedule})
ON CREATE SET s.created_at = datetime()
SET s.lk = $command_id  // Lock, then read.
WITH s, CASE
    WHEN $paused THEN null
    WHEN s.cron = $cron AND s.timezone = $timezone THEN coalesce(s.next_at, $next_at)
    ELSE $next_at
  END AS next_at
SET s.cron = $cron,
    s.timezone = $timezone,
    s.paused = $paused,
    s.template = $template,
    s.next_at = next_at
RETURN properties(s) AS schedule
