// Returns which server this is.
// mode: read
// returns: name, version, edition
CYPHER 5
CALL dbms.components() YIELD name, versions, edition
WITH name, versions, edition LIMIT 1
RETURN name, versions[0] AS version, edition
