#!/bin/sh
# Read user and password from a secret in the format of Neo4j's image (user/password), never from the command line.
set -eu
if [ -r /run/secrets/neo4j_auth ]; then
  auth=$(cat /run/secrets/neo4j_auth)
  NEO4J_USERNAME=${auth%%/*} NEO4J_PASSWORD=${auth#*/}
  export NEO4J_USERNAME NEO4J_PASSWORD
fi
exec kgsynth "$@"
