// Takes away the co-occurrences of terms that are counted anew; the walk tables of the other ends are made anew too.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (term:Term {id: id})-[pair:CO_OCCURS_WITH]-(other:Term)
SET other.changed = coalesce(other.changed, 'steps')
DELETE pair
