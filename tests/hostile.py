"""Queries that must not get through: each is refused before it runs, or bounded, and changes nothing."""

WRITES = {
    "create": "CREATE (n:Evil) RETURN n",
    "merge": "MERGE (n:Evil {id: 1}) RETURN n",
    "set": "MATCH (n) SET n.evil = 1 RETURN n",
    "set label": "MATCH (n) SET n:Evil RETURN n",
    "remove": "MATCH (n) REMOVE n.id RETURN n",
    "delete": "MATCH (n) DETACH DELETE n",
    "foreach": "MATCH (n) FOREACH (x IN [1] | SET n.evil = x) RETURN n",
    "create after read": "MATCH (n) WITH n LIMIT 1 CREATE (m:Evil)-[:OF]->(n) RETURN m",
    "write in a subquery": "CALL () { CREATE (n:Evil) RETURN n } RETURN n",
    "write in an imported subquery": "MATCH (n) CALL (n) { SET n.evil = 1 } RETURN n",
    "transactions": "MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 1 ROWS",
    "concurrent transactions": "MATCH (n) CALL (n) { SET n.evil = 1 } IN 2 CONCURRENT TRANSACTIONS RETURN n",
    "union": "MATCH (n) RETURN n UNION CREATE (n:Evil) RETURN n",
    "index": "CREATE INDEX evil FOR (n:Evil) ON (n.id)",
    "constraint": "CREATE CONSTRAINT evil FOR (n:Evil) REQUIRE n.id IS UNIQUE",
    "drop index": "DROP INDEX term_names",
}
FILES = {
    "file": "LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line",
    "http": "LOAD CSV FROM 'http://127.0.0.1:1/x.csv' AS line RETURN line",
    "headers": "LOAD CSV WITH HEADERS FROM 'file:///etc/passwd' AS line RETURN line",
    "lower case": "load csv from 'file:///etc/passwd' as line return line",
    "over lines": "LOAD\n\tCSV FROM 'file:///etc/passwd' AS line RETURN line",
    "behind a comment": "/* x */ LOAD /* y */ CSV FROM 'file:///etc/passwd' AS line RETURN line",
    "behind an apostrophe in a comment": "// it's\nLOAD CSV FROM 'file:///etc/passwd' AS line RETURN line // '",
    "behind a quote in a comment": '/* " */ LOAD CSV FROM "file:///etc/passwd" AS line RETURN line /* " */',
    "behind a backtick in a comment": "// `\nLOAD CSV FROM 'file:///etc/passwd' AS line RETURN line // `",
    "escaped letters": "L\\u004FAD CSV FROM 'file:///etc/passwd' AS line RETURN line",
    "a string that an escape ends": "RETURN '\\u0027 AS a LOAD CSV FROM \\u0027file:///etc/passwd' AS line",
    "within an expression": "RETURN COLLECT { LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line }",
    "within exists": "MATCH (n) WHERE EXISTS { LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line } RETURN n",
    "within count": "RETURN COUNT { LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line }",
    "a no-break space": "LOAD\u00a0CSV FROM 'file:///etc/passwd' AS line RETURN line",
    "periodic commit": "USING PERIODIC COMMIT 10 LOAD CSV FROM 'file:///etc/passwd' AS line CREATE ()",
}
ADMINISTRATION = {
    "users": "SHOW USERS",
    "settings": "SHOW SETTINGS",
    "settings piped": "SHOW SETTINGS YIELD name, value RETURN name, value",
    "transactions": "SHOW TRANSACTIONS",
    "procedures": "SHOW PROCEDURES YIELD name RETURN name",
    "terminate": "TERMINATE TRANSACTIONS 'neo4j-transaction-1'",
    "new user": "CREATE USER evil SET PASSWORD 'longenough' CHANGE NOT REQUIRED",
    "password": "ALTER CURRENT USER SET PASSWORD FROM 'a' TO 'longenough'",
    "drop user": "DROP USER neo4j",
    "stop database": "STOP DATABASE neo4j",
    "system": "USE system SHOW USERS",
    "system with a comment": "USE/**/system SHOW USERS",
    "system in a subquery": "CALL () { USE system SHOW USERS YIELD user RETURN user } RETURN user",
    "grant": "GRANT ROLE admin TO neo4j",
}
CALLS = {
    "configuration": "CALL dbms.listConfig() YIELD name, value RETURN name, value",
    "without brackets": "CALL dbms.listConfig",
    "connections": "CALL dbms.listConnections()",
    "kill": "CALL dbms.killConnection('bolt-1')",
    "caches": "CALL db.clearQueryCaches()",
    "quoted": "CALL `dbms`.`listConfig`() YIELD name RETURN name",
    "spaced": "CALL dbms . listConfig () YIELD name RETURN name",
    "statistics": "CALL db.stats.retrieve('GRAPH COUNTS')",
    "label": "CALL db.createLabel('Evil')",
    "property": "CALL db.createProperty('evil')",
    "resample": "CALL db.resampleOutdatedIndexes()",
    "jmx": "CALL dbms.queryJmx('*:*')",
    "vector write": "MATCH (n) CALL db.create.setNodeVectorProperty(n, 'evil', [1.0]) RETURN n",
    "in a subquery": "RETURN COLLECT { CALL dbms.listConfig() YIELD name RETURN name }",
    "plug-in function": "RETURN apoc.cypher.runFirstColumnSingle('MATCH (n) RETURN n', {})",
    "plug-in function spaced": "RETURN apoc . load . json ('http://127.0.0.1:1')",
    "quoted function": "RETURN `apoc.util.sleep`(1000)",
    "quoted parts": "RETURN apoc.`util`.`sleep`(1000)",
}
SEVERAL = {
    "two": "RETURN 1; MATCH (n) DETACH DELETE n",
    "two with a comment": "RETURN 1 /* ; */ ; CREATE (n:Evil)",
    "explain": "EXPLAIN MATCH (n) RETURN n",
    "profile": "PROFILE MATCH (n) DETACH DELETE n",
    "options": "CYPHER runtime=slotted CREATE (n:Evil)",
    "profile behind a comment": "/* x */ PROFILE MATCH (n) SET n.evil = 1",
    "nothing": "",
    "a comment": "// nothing",
}
REFUSED = {
    f"{group}: {name}": text
    for group, queries in (
        ("write", WRITES),
        ("file", FILES),
        ("administration", ADMINISTRATION),
        ("call", CALLS),
        ("several", SEVERAL),
    )
    for name, text in queries.items()
}
# What the server takes, and what must be ended.
BOMBS = {
    "collected": "UNWIND range(1, 1000000000) AS x RETURN collect(x)",
    "doubled string": "RETURN reduce(s = 'a', x IN range(1, 40) | s + s)",
    "doubled list": "RETURN reduce(l = [1], x IN range(1, 40) | l + l)",
    "long list": "RETURN size([x IN range(1, 1000000000) | toString(x)])",
    "cartesian product": "MATCH (a), (b), (c), (d) WHERE a.id < b.id AND b.id < c.id AND c.id < d.id RETURN count(*)",
    "all paths": "MATCH p = (a)-[*]-(b) RETURN count(p)",
    "nested loops": "UNWIND range(1, 1000000) AS x UNWIND range(1, 1000000) AS y RETURN sum(x * y)",
    "sorted": "UNWIND range(1, 1000000000) AS x RETURN x ORDER BY -x LIMIT 1000000000",
    "one expression": "RETURN reduce(s = 0, x IN range(1, 3000000000) | s + x)",
}
# What looks like one of these and is none.
HARMLESS = (
    "MATCH (n) RETURN count(n) AS nodes",
    "MATCH (n) WHERE n.text CONTAINS 'LOAD CSV FROM' RETURN n",
    "MATCH (n) WHERE n.use = 1 OR n.show = 2 RETURN n.use AS use, n.show AS show",
    "RETURN 'CREATE; DELETE; CALL dbms.listConfig()' AS text // SHOW USERS",
    "RETURN date.truncate('month', date('2026-11-26')) AS day, duration.between(date(), date()) AS none",
    "RETURN point.distance(point({x: 1, y: 2}), point({x: 1, y: 3})) AS distance",
    "CALL db.labels() YIELD label RETURN label",
    "MATCH (n) CALL (n) { RETURN n.id AS id } RETURN id",
    "MATCH (`in`:`CALL`) RETURN `in`.id AS id;",
    "MATCH (n) WHERE EXISTS { (n)-->() } RETURN COUNT { (n)-->() } AS degree",
)
