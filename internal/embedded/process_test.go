package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"recount/internal/embedded"
)

// roleVariable makes the test binary a program of its own.
const roleVariable = "EMBEDDED_TEST_ROLE"

const (
	roleParent   = "parent"   // starts a broker, prints its PID and address, and waits
	roleFlawed   = "flawed"   // starts a broker without ever calling RunIfChild
	flawedReport = "reported" // what it prints if it gets an error for that
)

// runRole runs the test binary's other roles. It is called before RunIfChild where the role shall not call it.
func runRole() {
	switch os.Getenv(roleVariable) {
	case roleFlawed:
		_, err := embedded.StartKafkaProcess(context.Background(), embedded.KafkaOptions{})
		if err == nil || !strings.Contains(err.Error(), "RunIfChild") {
			fmt.Println("no useful error:", err)
			os.Exit(1)
		}
		fmt.Println(flawedReport)
		os.Exit(0)
	case roleParent:
		embedded.RunIfChild()
		p, err := embedded.StartKafkaProcess(context.Background(), embedded.KafkaOptions{DataDir: os.Getenv("EMBEDDED_TEST_DATA")})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(p.PID(), p.Addr())
		select {}
	}
}

func role(name string, env ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), roleVariable+"="+name), env...)
	return cmd
}

func TestChildEndsWithItsParent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	parent := role(roleParent, "EMBEDDED_TEST_DATA="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the parent said %q: %v", line, err)
	}
	text, _, _ := strings.Cut(line, " ")
	pid, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("the parent said %q", line)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the child does not run: %v", err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := parent.Wait(); err == nil {
		t.Fatal("the parent was killed and ended well")
	}
	for deadline := time.Now().Add(2 * time.Minute); syscall.Kill(pid, 0) == nil && !isZombie(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the child outlives its parent")
		}
	}
	startKafka(t, embedded.KafkaOptions{DataDir: dir}) // and its folder is free again
}

// isZombie tells that a process has ended and only waits for somebody to ask how.
func isZombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

func TestAProgramWithoutRunIfChildIsToldSo(t *testing.T) {
	t.Parallel()
	out, err := role(roleFlawed).CombinedOutput()
	if err != nil || !strings.Contains(string(out), flawedReport) {
		t.Errorf("a program that never calls RunIfChild: %v\n%s", err, out)
	}
}

func TestProcessEndsUnexpectedly(t *testing.T) {
	t.Parallel()
	p, err := embedded.StartKafkaProcess(soon(t), embedded.KafkaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); err != nil {
		t.Errorf("a running process has failed: %v", err)
	}
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
	case <-soon(t).Done():
		t.Fatal("nobody noticed the end of the process")
	}
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("the end of a process nobody asked for: %v", err)
	}
	if err := p.Stop(soon(t)); err != nil {
		t.Errorf("stop what has ended: %v", err)
	}
}

func TestStopKillsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	p, err := embedded.StartKafkaProcess(soon(t), embedded.KafkaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil { // it will not even see the signal to stop
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := p.Stop(ctx); err == nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stop a process that does not end: %v", err)
	}
	select {
	case <-p.Done():
	default:
		t.Error("the process still runs after Stop")
	}
}

func TestStartErrorsAreTheChildsOwn(t *testing.T) {
	t.Parallel()
	first := startKafka(t, embedded.KafkaOptions{})
	_, err := embedded.StartKafkaProcess(soon(t), embedded.KafkaOptions{Port: portOf(t, first.Addr())})
	if err == nil || !strings.Contains(err.Error(), "choose another port") {
		t.Errorf("a process on a port that is taken: %v", err)
	}
	_, err = embedded.StartClickHouse(soon(t), embedded.ClickHouseOptions{DataDir: t.TempDir(), Library: "/nonexistent/libchdb.so"})
	if err == nil || !strings.Contains(err.Error(), "load libchdb") {
		t.Errorf("a library that is not there: %v", err)
	}
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = embedded.StartClickHouse(soon(t), embedded.ClickHouseOptions{DataDir: file}); err == nil || !strings.Contains(err.Error(), "data folder") {
		t.Errorf("a file for a data folder: %v", err)
	}
	if _, err = embedded.StartClickHouse(soon(t), embedded.ClickHouseOptions{}); err == nil || !strings.Contains(err.Error(), "data folder") {
		t.Errorf("no data folder: %v", err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = embedded.StartKafkaProcess(gone, embedded.KafkaOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a start nobody waits for: %v", err)
	}
}
