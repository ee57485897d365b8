package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// childVariable tells a process that it was started to be one service. Its value is the service's name.
const childVariable = "RECOUNT_EMBEDDED_CHILD"

const (
	readyDescriptor = 3                // the first of exec.Cmd's ExtraFiles
	stopPatience    = 10 * time.Second // how long a service may take to close before it is cut short
)

// readyMessage is the one line a child writes once it serves, or instead.
type readyMessage struct {
	Address string `json:"address,omitempty"`
	Error   string `json:"error,omitempty"`
}

// service is what a child runs. It calls ready when it serves and returns when ctx has ended and everything is closed.
type service func(ctx context.Context, config json.RawMessage, ready func(address string)) error

func serviceNamed(name string) (service, bool) {
	switch name {
	case clickHouseService:
		return runClickHouse, true
	case kafkaService:
		return runKafka, true
	case registryService:
		return runRegistry, true
	}
	return nil, false
}

// RunIfChild turns this process into an embedded service if it was started as one, and then does not return: it serves
// until SIGTERM, SIGINT, or until the parent has died, however it died. In any other process it returns at once.
//
// The main function, and the TestMain, of every program that starts embedded services as processes calls it first,
// because the services run in copies of that same program.
func RunIfChild() {
	name, ok := os.LookupEnv(childVariable)
	if !ok {
		return
	}
	if err := runChild(name); err != nil {
		fmt.Fprintf(os.Stderr, "embedded %s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runChild(name string) error {
	run, ok := serviceNamed(name)
	if !ok {
		return fmt.Errorf("there is no such service; %s is not for people to set", childVariable)
	}
	if err := os.Unsetenv(childVariable); err != nil {
		return err
	}
	// When the parent dies, its end of our log goes too, and a line of log must not kill us before our files are closed.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	in := bufio.NewReader(os.Stdin)
	config, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the configuration from the parent: %w", err)
	}
	ctx, lost := context.WithCancel(ctx)
	defer lost()
	go func() {
		// The parent writes nothing more, so this ends with the parent. PR_SET_PDEATHSIG would not do: it is bound to
		// the thread that forked, which Go ends as it likes.
		_, _ = io.Copy(io.Discard, in)
		lost()
	}()
	go exitWhenStuck(ctx)

	out := os.NewFile(readyDescriptor, "ready")
	err = run(ctx, config, func(address string) { say(out, readyMessage{Address: address}) })
	if err != nil {
		// Only a parent that still waits for readiness reads this; a later failure it finds in the log.
		say(out, readyMessage{Error: err.Error()})
	}
	return err
}

// exitWhenStuck ends a child that was told to stop and cannot.
func exitWhenStuck(ctx context.Context) {
	<-ctx.Done()
	time.Sleep(stopPatience)
	fmt.Fprintf(os.Stderr, "still not closed after %v: exiting\n", stopPatience)
	os.Exit(1)
}

// say writes the message, once, and closes the pipe. Where it cannot, the parent has gone or has its message already,
// and either way there is nobody to tell.
func say(out *os.File, m readyMessage) {
	line, err := json.Marshal(m)
	if err != nil {
		line = []byte(`{"error":"could not word the reason"}`) // strings alone always can be
	}
	_, _ = out.Write(append(line, '\n'))
	_ = out.Close()
}
