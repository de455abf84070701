// Returns the status of a database and the reason if it is down. Runs on the database `system`.
// access: read
// params: name
// returns: status, message
SHOW DATABASES YIELD name, currentStatus, statusMessage
WHERE name = $name
RETURN currentStatus AS status, statusMessage AS message
