// How many pages a transaction has found in the page cache, and how many had to be read.
// access: read
// params: mark
// returns: hits, faults
SHOW TRANSACTIONS YIELD metaData, pageHits, pageFaults
WHERE metaData.kgsynth = $mark
RETURN pageHits AS hits, pageFaults AS faults
