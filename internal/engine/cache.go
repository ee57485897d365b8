package engine

// cache keeps decoded aggregates in two generations: when the young one is full it becomes the old one, and what was
// not asked for since is forgotten. That bounds it at twice its limit, without a list to maintain on every hit.
type cache struct {
	limit      int
	young, old map[aggregateKey]*entry
}

func newCache(limit int) cache {
	return cache{limit: max(1, limit), young: map[aggregateKey]*entry{}}
}

func (c *cache) get(key aggregateKey) (*entry, bool) {
	if e, ok := c.young[key]; ok {
		return e, true
	}
	e, ok := c.old[key]
	if ok {
		c.put(key, e)
	}
	return e, ok
}

func (c *cache) put(key aggregateKey, e *entry) {
	if len(c.young) >= c.limit {
		c.old, c.young = c.young, make(map[aggregateKey]*entry, c.limit)
	}
	c.young[key] = e
}

func (c *cache) len() int { return len(c.young) + len(c.old) }
