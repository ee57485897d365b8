package statestore

// Metrics is what a root on disk says of itself, for whoever publishes it. Counters count since the root was opened.
type Metrics struct {
	DiskBytes      int64 // everything in the directory
	WALBytes       int64 // write-ahead log not yet covered by tables
	MemtableBytes  int64
	CacheBytes     int64
	CacheHits      int64
	CacheMisses    int64
	FilterHits     int64 // lookups that a Bloom filter spared a table read
	FilterMisses   int64
	Flushes        int64
	Compactions    int64
	CompactionDebt int64 // bytes still to be compacted: rising means that the disk does not keep up
	ReadAmp        int64 // tables a lookup may have to look at
	WriteStalls    int64 // times writers had to wait for flushes or compactions
	OpenPartitions int64
}
