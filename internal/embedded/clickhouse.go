package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"recount/internal/embedded/chhttp"
)

const clickHouseService = "ClickHouse"

// ClickHouseOptions says where the embedded ClickHouse keeps its data and how much it may take.
type ClickHouseOptions struct {
	// DataDir holds the tables, and is made where it is missing. One instance at a time can use it.
	DataDir string
	// Port to listen on, on 127.0.0.1; 0 picks a free one.
	Port int
	// Library is the path of libchdb.so; empty asks LocateLibrary, which may fetch it.
	Library string
	// LogWriter gets the engine's warnings. Without one only the last lines are kept, for messages.
	LogWriter io.Writer `json:"-"`
	// Progress is told what LocateLibrary does, where that takes long.
	Progress func(message string) `json:"-"`
	// MaxMemoryBytes bounds queries, merges and caches together; a query over it fails, the server goes on. Default 4
	// GiB. Below 1 GiB, large inserts start to fail.
	MaxMemoryBytes int64
	// MergeThreads bounds background merges. Default 2: on a small machine they compete with the inserts.
	MergeThreads int
	// MaxQueries is how many statements run at once; further ones wait. Default 16.
	MaxQueries int
	// MaxInsertBytes bounds the data of one INSERT, decompressed; it is held in memory meanwhile. Default 256 MiB.
	MaxInsertBytes int64
}

// ClickHouse is the embedded ClickHouse in its process.
type ClickHouse struct{ *Process }

// StartClickHouse starts ClickHouse as a child process and waits until it answers.
func StartClickHouse(ctx context.Context, o ClickHouseOptions) (*ClickHouse, error) {
	if o.DataDir == "" {
		return nil, errors.New("the embedded ClickHouse needs a data folder")
	}
	if o.Library == "" {
		library, err := LocateLibrary(ctx, o.Progress)
		if err != nil {
			return nil, err
		}
		o.Library = library
	}
	p, err := startProcess(ctx, processOptions{service: clickHouseService, config: o, log: o.LogWriter})
	if err != nil {
		return nil, err
	}
	return &ClickHouse{Process: p}, nil
}

// URL is where clickhouse-go, curl and people reach it.
func (c *ClickHouse) URL() string { return "http://" + c.Addr() }

// idlePatience is how long statements may take to end once their clients are cut off.
const idlePatience = 3 * time.Second

// runClickHouse is the child.
func runClickHouse(ctx context.Context, config json.RawMessage, ready func(address string)) (err error) {
	var o ClickHouseOptions
	if err := json.Unmarshal(config, &o); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	lock, err := lockDataDir(ctx, o.DataDir, clickHouseService)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	listener, err := listenLoopback(o.Port)
	if err != nil {
		return err
	}
	engine, err := chhttp.StartEngine(chhttp.EngineOptions{
		Library: o.Library, DataDir: o.DataDir, MaxMemoryBytes: o.MaxMemoryBytes, MergeThreads: o.MergeThreads,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	handler := chhttp.NewServer(engine, chhttp.Limits{Queries: o.MaxQueries, InsertBytes: o.MaxInsertBytes})
	defer func() {
		// The engine may crash if it is closed under a statement. One that nothing ends is left to the end of this process, as a
		// server leaves it: its client has heard nothing, and what others were told is on disk.
		if left := handler.Drain(idlePatience); left > 0 {
			fmt.Fprintf(os.Stderr, "stopping with %d statements under way, which is their end\n", left)
			return
		}
		engine.Close()
	}()
	ready(listener.Addr().String()) // a client that is quicker than the next line waits in the listener's queue
	return serveHTTP(ctx, listener, handler)
}
