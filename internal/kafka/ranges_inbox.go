package kafka

import "sync"

// inbox holds what was fetched for a pipeline until the pipeline takes it, and stops the fetching when it has enough.
type inbox struct {
	arrived       chan struct{} // holds a token when there is something to take
	pause, resume func()        // of the partition's fetching

	mu      sync.Mutex
	records []*Record
	bytes   int // of everything fetched and not yet cut into a range
	most    int // the limit when it was last exceeded
	paused  bool
	// unlimited while a declared range is read: it comes as one piece, whatever the limits are today.
	unlimited bool
}

// put adds records, and pauses fetching when more than limit bytes are held. Pausing under the lock keeps it in order
// with the resuming.
func (i *inbox) put(records []*Record, limit int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.records = append(i.records, records...)
	for _, r := range records {
		i.bytes += recordBytes(r)
	}
	i.most = limit
	i.check()
	select {
	case i.arrived <- struct{}{}:
	default:
	}
}

// take returns what has arrived since.
func (i *inbox) take() []*Record {
	i.mu.Lock()
	defer i.mu.Unlock()
	records := i.records
	i.records = nil
	return records
}

// release says that n bytes were taken into a range.
func (i *inbox) release(n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.bytes -= n
	i.check()
}

// limit ends the time without a limit.
func (i *inbox) limit() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.unlimited = false
	i.check()
}

// check pauses above the limit and resumes below half of it.
func (i *inbox) check() {
	switch {
	case !i.paused && !i.unlimited && i.bytes > i.most:
		i.paused = true
		i.pause()
	case i.paused && i.bytes <= i.most/2:
		i.paused = false
		i.resume()
	}
}
