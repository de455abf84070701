// Returns the page cache hits and misses of the transaction that is marked with $mark.
// access: read
// params: mark
// returns: hits, faults
SHOW TRANSACTIONS YIELD metaData, pageHits, pageFaults
WHERE metaData.kgsynth = $mark
RETURN pageHits AS hits, pageFaults AS faults
